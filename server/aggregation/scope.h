// Scope: which parameter of which client contributes to which parameter of which target.
// Source: docs/algorithm.md section 4, "Choices" and the contributors of rules `paper` and
// `release`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/run_config.h"
#include "common/model/model_spec.h"
#include "common/tensor/manifest.h"

namespace tributary {

enum class ParameterGroup { kAttn, kMlp, kBlockNorm, kOther };

// Group of a parameter by its name.
ParameterGroup GroupOf(absl::string_view name);
// kImage for index 0, kText for index 1, nothing for the final norm.
std::optional<Modality> ModalityOf(absl::string_view name);
// `blockses.0.x` <-> `blockses.1.x`; nothing for parameters outside the blocks.
std::optional<std::string> CounterpartOf(absl::string_view name);

// Whether a client or target of `modality` holds parameters of `part`.
bool Holds(Modality modality, Modality part);
// Whether two datasets have a modality in common.
bool ShareModality(Modality a, Modality b);

// Whether parameters of `group` are shared across datasets. The release's `blocks` leaves attention
// out and its `mlp` matches nothing.
bool IsShared(ParameterGroup group, const AggregationConfig& config);

// A sampled client.
struct CohortMember {
  std::string client;
  std::string dataset;
  Modality modality = Modality::kImage;
  uint64_t samples = 0;  // n_k
};

// A tensor of updates beside the parameters: the round gives the exact sum of weight * tensor over
// the clients that arrived, not rescaled for absent ones. Memory is that of one sum, whatever the
// number of clients.
struct SummedTensor {
  TensorSpec spec;
  double weight = 0;  // in [0, 1]
};

// A global model as aggregation's destination.
struct Target {
  std::string dataset;
  Modality modality = Modality::kImage;
  Manifest manifest;  // plain parameters
  // What its clients upload besides, in this order after the plain parameters: tensors that are
  // summed, and those that are kept of each client apart (representations of a public set).
  std::vector<SummedTensor> summed = {};
  std::vector<TensorSpec> representations = {};
};

// The tensors of `member`'s upload that contribute to `parameter` of `target`: none, one, or (scope
// all, pair clients, rule paper) two.
std::vector<std::string> SourcesOf(const CohortMember& member, const Target& target,
                                   const std::string& parameter, const AggregationConfig& config);

}  // namespace tributary
