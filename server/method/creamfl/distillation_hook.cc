#include "server/method/creamfl/distillation_hook.h"

#include <algorithm>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/model/torch_state.h"
#include "common/model/transformer.h"
#include "common/train/adamw.h"
#include "common/train/representations.h"
#include "common/train/samples.h"
#include "server/method/creamfl/settings.h"

namespace tributary {
namespace {

// The release makes its optimizer without saying so: the library's default.
constexpr double kDistillWeightDecay = 0.01;
const c10::Device kCpu(c10::DeviceType::CPU);

// Of the whole public set, [P,D]. An undefined tensor: nobody represented that modality.
struct Representations {
  at::Tensor images, texts;
};

const DatasetContext& PairDataset(const RunContext& context) {
  return std::find_if(
             context.datasets.begin(), context.datasets.end(),
             [](const auto& entry) { return entry.second.config.modality == Modality::kPair; })
      ->second;
}

int Threads(const RunContext& context) {
  const int threads = context.config.evaluation.threads;
  return threads > 0 ? threads : CoreCount();
}

absl::StatusOr<Representations> RepresentAll(const Transformer& model, const Samples& samples,
                                             int64_t batch) {
  Representations all;
  ASSIGN_OR_RETURN(all.images, Represent(model, samples, batch, Modality::kImage, {}));
  ASSIGN_OR_RETURN(all.texts, Represent(model, samples, batch, Modality::kText, {}));
  return all;
}

// Adds the tensor, or replaces the one of that name.
absl::Status Put(absl::string_view name, Tensor tensor, StateDict* state) {
  if (Tensor* old = state->Find(name); old != nullptr) {
    *old = std::move(tensor);
    return absl::OkStatus();
  }
  return state->Add(std::string(name), std::move(tensor));
}

// Puts what the pair model says of the public set where each dataset's clients download it.
absl::Status Publish(const RunContext& context, const Representations& all, ModelSet* models) {
  for (const auto& [name, dataset] : context.datasets) {
    if (dataset.spec.public_samples == 0) continue;
    StateDict& auxiliary = models->auxiliary[name];
    RETURN_IF_ERROR(Put(kPublicImages, FromTorch(all.images), &auxiliary));
    RETURN_IF_ERROR(Put(kPublicTexts, FromTorch(all.texts), &auxiliary));
  }
  return absl::OkStatus();
}

// The merged representations of one modality, given the published ones of the other.
at::Tensor Merge(const RoundOutcome& outcome, Modality part, const at::Tensor& others) {
  std::vector<at::Tensor> clients;
  for (const MergedUpdate& update : outcome.updates) {
    const Tensor* features = update.representations.Find(kPublicFeatures);
    if (update.modality == part && features != nullptr) {
      clients.push_back(ToTorch(*features, kCpu));
    }
  }
  if (clients.empty()) return {};
  return EnsembleOf(clients, RepresentationWeights(clients, others));
}

// The round's clients merged, against what they were sent; undefined before the first round.
Representations EnsembleOfRound(const RoundOutcome& outcome, const ModelSet& models) {
  for (const auto& [target, auxiliary] : models.auxiliary) {
    const Tensor* images = auxiliary.Find(kPublicImages);
    const Tensor* texts = auxiliary.Find(kPublicTexts);
    if (images == nullptr || texts == nullptr) continue;
    return {.images = Merge(outcome, Modality::kImage, ToTorch(*texts, kCpu)),
            .texts = Merge(outcome, Modality::kText, ToTorch(*images, kCpu))};
  }
  return {};
}

// One pass over the public set in its order, in training mode.
absl::Status Distil(const CreamFlSettings& settings, const Samples& samples,
                    const Representations& ensemble, Transformer* model) {
  AdamW optimizer(model->Trained(true), settings.distill_learning_rate, kDistillWeightDecay);
  return ForEachBatch(
      samples, settings.contrast.batch, [&](const std::vector<int64_t>& rows, const Batch& batch) {
        at::Tensor loss;
        const auto add = [&](Modality part, const at::Tensor& all) {
          if (!all.defined()) return;
          const at::Tensor term =
              DistillationLoss(FeaturesOf(*model, batch, part, {}),
                               all.narrow(0, rows.front(), static_cast<int64_t>(rows.size())));
          loss = loss.defined() ? loss + term : term;
        };
        add(Modality::kImage, ensemble.images);
        add(Modality::kText, ensemble.texts);
        optimizer.ZeroGradients();
        (loss * settings.distill_weight).backward();
        optimizer.ClipGradients(kContrastClipNorm);
        optimizer.Step();
        return absl::OkStatus();
      });
}

}  // namespace

DistillationHook::DistillationHook(std::shared_ptr<const Samples> public_samples)
    : public_samples_(std::move(public_samples)) {}

absl::Status DistillationHook::Begin(const RunContext& context, ModelSet* models) const {
  // Before the first round there is nothing to distil.
  return AfterMerge(context, {.round = 0}, models);
}

absl::Status DistillationHook::AfterMerge(const RunContext& context, const RoundOutcome& outcome,
                                          ModelSet* models) const {
  const DatasetContext& pair = PairDataset(context);
  const auto& settings = MethodSettings<CreamFlSettings>(context.config);
  StateDict& global = models->globals.at(pair.config.name);
  try {
    at::set_num_threads(Threads(context));
    ASSIGN_OR_RETURN(const std::unique_ptr<Transformer> model,
                     Transformer::Create(pair.spec, Modality::kPair, global, kCpu));
    const Representations ensemble = EnsembleOfRound(outcome, *models);
    if (ensemble.images.defined() || ensemble.texts.defined()) {
      RandomStream drop_path(context.config.seed, "drop_path.distillation",
                             static_cast<uint64_t>(outcome.round), pair.config.name);
      model->SetTraining(&drop_path);
      RETURN_IF_ERROR(Distil(settings, *public_samples_, ensemble, model.get()));
      model->SetTraining(nullptr);
      global = model->Merged();
    }
    ASSIGN_OR_RETURN(const Representations all,
                     RepresentAll(*model, *public_samples_, settings.contrast.batch));
    return Publish(context, all, models);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("creamfl: round ", outcome.round, ": ", error.what()));
  }
}

}  // namespace tributary
