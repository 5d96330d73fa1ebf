// ControlVariatesHook: SCAFFOLD on the coordinator. Keeps the server's control variate c of each
// dataset: the mean over its clients of their own control variates c_k, each an estimate of that
// client's gradient.
//
//   before a round   c goes to the clients beside their global, as auxiliary tensors of the
//                    ModelSet named by ControlOf(); 0 in the beginning
//   in a round       clients correct each gradient by c - c_k, and upload their change
//                    d_k = c_k+ - c_k beside the weights (client/trainer/control_variates.h)
//   after it         c <- c + 1/N sum over the clients that arrived of d_k
//
// N is the number of the dataset's clients that the run file expects, so a client that was not
// sampled or did not arrive keeps its c_k on both sides: nothing is rescaled for it.
// Source: Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning",
// ICML 2020, algorithm 1; the server's learning rate is the server optimizer's.
#pragma once

#include "server/method/method_hook.h"

namespace tributary {

class ControlVariatesHook : public MethodHook {
 public:
  absl::Status Begin(const RunContext& context, ModelSet* models) const override;
  // 1/N for control variates.
  std::optional<double> SummedWeight(const DatasetContext& dataset,
                                     absl::string_view tensor) const override;
  absl::Status AfterMerge(const RunContext& context, const RoundOutcome& outcome,
                          ModelSet* models) const override;
};

}  // namespace tributary
