#include <utility>

#include <ATen/ops/full.h>

#include "client/trainer/objective.h"
#include "common/train/losses.h"

namespace tributary {
namespace {

class PairObjective : public Objective {
 public:
  PairObjective(bool learn_scale, at::Tensor logit_scale)
      : learn_scale_(learn_scale), logit_scale_(std::move(logit_scale)) {
    logit_scale_.set_requires_grad(learn_scale);
  }

  at::Tensor Loss(const Transformer& model, const Batch& batch) const override {
    return ContrastiveLoss(Transformer::Normalised(model.ImageToken(batch.images)),
                           Transformer::Normalised(model.TextToken(batch.tokens)), logit_scale_);
  }

  std::vector<at::Tensor> Parameters() const override {
    return learn_scale_ ? std::vector<at::Tensor>{logit_scale_} : std::vector<at::Tensor>();
  }

 private:
  bool learn_scale_;
  at::Tensor logit_scale_;
};

}  // namespace

std::unique_ptr<Objective> MakePairObjective(bool learn_scale, c10::Device device) {
  return std::make_unique<PairObjective>(
      learn_scale,
      at::full({}, kInitialLogitScale, at::TensorOptions().dtype(at::kFloat).device(device)));
}

}  // namespace tributary
