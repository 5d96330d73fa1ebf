#include <ATen/ops/cross_entropy_loss.h>

#include "client/trainer/objective.h"

namespace tributary {
namespace {

class TextObjective : public Objective {
 public:
  at::Tensor Loss(const Transformer& model, const Batch& batch) const override {
    return at::cross_entropy_loss(model.Logits(model.TextToken(batch.tokens)), batch.labels);
  }
};

}  // namespace

std::unique_ptr<Objective> MakeTextObjective() { return std::make_unique<TextObjective>(); }

}  // namespace tributary
