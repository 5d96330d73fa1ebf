// FedNova's coefficients: each client's update is divided by how many steps it took, so that
// clients of many samples do not pull the global further for their number of steps alone.
//
//   W <- W + tau_eff sum_k p_k d_k / tau_k      tau_eff = sum_k p_k tau_k
//
// d_k is client k's delta, p_k = n_k / N over the clients that count, and tau_k its local steps:
// epochs * ceil(n_k / batch), known from settings and sample counts before the round. Over the
// clients that arrived, p_k and tau_eff are those among them.
//
// Source: Wang et al., "Tackling the Objective Inconsistency Problem in Heterogeneous Federated
// Optimization", NeurIPS 2020, section 4, for which a_k = (1, ..., 1): the local optimizer is SGD.
// With an adaptive local optimizer such as AdamW this normalises by the number of steps alone; the
// paper's a_k would also have to weigh its moments.
#pragma once

#include <cstdint>
#include <vector>

#include "server/aggregation/plan.h"

namespace tributary {

// tau_k. `samples`, `epochs` and `batch`: at least 1.
int64_t LocalSteps(uint64_t samples, int64_t epochs, int64_t batch);

// Turns the coefficients p_k of every parameter into tau_eff p_k / tau_k. Their ratios between two
// clients do not depend on who else is there, as PlanAdjustment asks.
void NormaliseSteps(const std::vector<CohortMember>& cohort, int64_t epochs, int64_t batch,
                    Plan* plan);

}  // namespace tributary
