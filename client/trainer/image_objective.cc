#include <ATen/ops/cross_entropy_loss.h>

#include "client/trainer/objective.h"

namespace tributary {
namespace {

class ImageObjective : public Objective {
 public:
  at::Tensor Loss(const Transformer& model, const Batch& batch) const override {
    return at::cross_entropy_loss(model.Logits(model.ImageToken(batch.images)), batch.labels);
  }
};

}  // namespace

std::unique_ptr<Objective> MakeImageObjective() { return std::make_unique<ImageObjective>(); }

}  // namespace tributary
