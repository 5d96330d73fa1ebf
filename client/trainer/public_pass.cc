#include "client/trainer/public_pass.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/torch_state.h"
#include "common/train/representations.h"

namespace tributary {
namespace {

absl::StatusOr<at::Tensor> Downloaded(const StateDict& downloaded, absl::string_view name,
                                      int64_t samples, c10::Device device) {
  const Tensor* tensor = downloaded.Find(name);
  if (tensor == nullptr || tensor->shape.size() != 2 || tensor->shape[0] != samples) {
    return absl::FailedPreconditionError(
        absl::StrCat("tensor ", name, tensor == nullptr ? " is missing" : " has shape ",
                     tensor == nullptr ? "" : ShapeToString(tensor->shape), "; expected ", samples,
                     " rows, one for each sample of the public set"));
  }
  return ToTorch(*tensor, device);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PublicPass>> PublicPass::Create(
    const Samples& samples, const ContrastTraining& settings, Modality modality,
    const StateDict& downloaded, const std::vector<int64_t>& word_places, Transformer* model) {
  std::unique_ptr<PublicPass> pass(new PublicPass(samples, settings, word_places, model));
  ASSIGN_OR_RETURN(pass->images_,
                   Downloaded(downloaded, kPublicImages, samples.count(), model->device()));
  ASSIGN_OR_RETURN(pass->texts_,
                   Downloaded(downloaded, kPublicTexts, samples.count(), model->device()));
  for (const Modality part : {Modality::kImage, Modality::kText}) {
    if (modality != Modality::kPair && modality != part) continue;
    const at::Tensor& global = part == Modality::kImage ? pass->images_ : pass->texts_;
    ASSIGN_OR_RETURN(const at::Tensor old,
                     Represent(*model, samples, settings.batch, part, word_places));
    pass->sides_.push_back({part, global, old});
  }
  return pass;
}

int64_t PublicPass::steps() const {
  return (samples_.count() + settings_.batch - 1) / settings_.batch;
}

// Intra is the mean over the rows of all sides together, inter a sum over the sides.
at::Tensor PublicPass::Loss(const std::vector<int64_t>& rows, const Batch& batch) const {
  const at::Tensor places = at::tensor(rows, at::kLong).to(model_->device());
  std::vector<at::Tensor> features, global, old;
  at::Tensor inter;
  for (const Side& side : sides_) {
    features.push_back(FeaturesOf(*model_, batch, side.part, word_places_));
    global.push_back(side.global.index_select(0, places));
    old.push_back(side.old.index_select(0, places));
    const at::Tensor& others = side.part == Modality::kImage ? texts_ : images_;
    const at::Tensor term = InterLoss(features.back(), places, others, settings_.temperature);
    inter = inter.defined() ? inter + term : term;
  }
  const at::Tensor intra =
      IntraLoss(at::cat(features), at::cat(global), at::cat(old), settings_.temperature);
  return (inter + intra) * settings_.weight;
}

absl::Status PublicPass::Run(AdamW* optimizer,
                             const std::function<absl::Status(double loss)>& after_step) {
  return ForEachBatch(samples_, settings_.batch,
                      [&](const std::vector<int64_t>& rows, const Batch& batch) {
                        optimizer->ZeroGradients();
                        const at::Tensor loss = Loss(rows, batch);
                        loss.backward();
                        optimizer->ClipGradients(kContrastClipNorm);
                        optimizer->Step();
                        return after_step(loss.item<double>());
                      });
}

absl::StatusOr<at::Tensor> PublicPass::Features() const {
  return Represent(*model_, samples_, settings_.batch, sides_.front().part, word_places_);
}

}  // namespace tributary
