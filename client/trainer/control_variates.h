// ControlVariates: SCAFFOLD's term of local training. It corrects the gradients of a client, whose
// data pull to one side, by what all clients' gradients were.
//
//   each step      g <- g + c - c_k, before clipping and optimizer; c as downloaded, c_k this
//                  client's own, as its last merged round left it (0 before)
//   after them     c_k+ = mean over the steps of g, uncorrected; c_k+ - c_k is uploaded
//
// Under plain SGD this c_k+ is the paper's option II. K steps with learning rate r lead from the
// downloaded x to y:
//
//   y = x - r sum_i (g_i + c - c_k)  =>  (x - y) / (K r) = mean(g) + c - c_k
//   option II: c_k+ = c_k - c + (x - y) / (K r) = mean(g)
//
// The steps of AdamW are no multiples of gradients, so x - y would not tell the mean; this does,
// under any optimizer. Corrected are the plain parameters, in steps over the client's own data.
// Source: Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning",
// ICML 2020, algorithm 1.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "common/model/transformer.h"
#include "common/tensor/state_dict.h"

namespace tributary {

class ControlVariates {
 public:
  // `downloaded` holds c and `own` holds c_k, both under ControlOf() a parameter's name; `own` is
  // empty for 0. FailedPrecondition names a tensor that is missing or has another shape than its
  // parameter. `model` must outlive the object.
  static absl::StatusOr<std::unique_ptr<ControlVariates>> Create(const StateDict& downloaded,
                                                                 const StateDict& own,
                                                                 const Transformer& model);

  // After each step's backward(): counts the gradients and corrects them.
  void Correct();

  // After at least one step. c_k+, and c_k+ - c_k, both in the order of the parameters.
  struct Result {
    StateDict own;
    StateDict change;
  };
  Result Finish() const;

 private:
  struct Parameter {
    std::string name;  // ControlOf() the parameter's
    at::Tensor weight;
    at::Tensor own;         // c_k; undefined for 0
    at::Tensor correction;  // c - c_k
    at::Tensor sum;         // of the gradients so far
  };
  std::vector<Parameter> parameters_;
  int64_t steps_ = 0;
};

}  // namespace tributary
