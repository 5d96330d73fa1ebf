#include "client/trainer/control_variates.h"

#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/torch_state.h"

namespace tributary {
namespace {

absl::StatusOr<at::Tensor> Take(const StateDict& state, const std::string& name,
                                const at::Tensor& weight) {
  const Tensor* tensor = state.Find(name);
  if (tensor == nullptr || at::IntArrayRef(tensor->shape) != weight.sizes()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "control variate ", name,
        tensor == nullptr ? " is missing"
                          : absl::StrCat(" has shape ", ShapeToString(tensor->shape)),
        "; expected the shape of its parameter, ", ShapeToString(weight.sizes().vec())));
  }
  return ToTorch(*tensor, weight.device());
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlVariates>> ControlVariates::Create(
    const StateDict& downloaded, const StateDict& own, const Transformer& model) {
  const at::NoGradGuard no_gradients;
  auto control = std::unique_ptr<ControlVariates>(new ControlVariates());
  for (const auto& [name, weight] : model.parameters()) {
    if (!IsPlain(name)) continue;
    Parameter parameter{
        .name = ControlOf(name), .weight = weight, .own = {}, .correction = {}, .sum = {}};
    ASSIGN_OR_RETURN(parameter.correction, Take(downloaded, parameter.name, weight));
    if (!own.empty()) {
      ASSIGN_OR_RETURN(parameter.own, Take(own, parameter.name, weight));
      parameter.correction.sub_(parameter.own);
    }
    parameter.sum = at::zeros_like(weight);
    control->parameters_.push_back(std::move(parameter));
  }
  return control;
}

void ControlVariates::Correct() {
  const at::NoGradGuard no_gradients;
  ++steps_;
  for (Parameter& parameter : parameters_) {
    at::Tensor& gradient = parameter.weight.mutable_grad();
    if (gradient.defined()) {
      parameter.sum.add_(gradient);
      gradient.add_(parameter.correction);
    } else {
      gradient = parameter.correction.clone();  // a gradient of 0, corrected
    }
  }
}

ControlVariates::Result ControlVariates::Finish() const {
  const at::NoGradGuard no_gradients;
  Result result;
  for (const Parameter& parameter : parameters_) {
    const at::Tensor mean = parameter.sum / static_cast<double>(steps_);
    const at::Tensor change = parameter.own.defined() ? mean - parameter.own : mean;
    // Names of a model's parameters are unique.
    result.own.Add(parameter.name, FromTorch(mean)).IgnoreError();
    result.change.Add(parameter.name, FromTorch(change)).IgnoreError();
  }
  return result;
}

}  // namespace tributary
