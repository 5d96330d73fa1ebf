// The modality-agnostic transformer of FedCola, as functions of named parameters.
//
//   image [B,C,H,W] -> patches -> + class token, positions --+
//                                                            +-> blocks (own for each modality) ->
//                                                            norm
//   tokens [B,T] -> word + position + type -> LayerNorm -----+      -> token 0: [B,D]
//
//   classification: head(token 0) [B,classes]     retrieval: token 0 / |token 0| [B,D]
//
// Parameters carry the names of the paper's release (common/model/model_spec.h). In complementary
// layers the weight is W + g * A. Only token 0 of the last block is read, so that the last block
// computes only that one. Source: docs/algorithm.md sections 1 and 3.
//
// Not thread-safe. Members throw c10::Error where LibTorch does (out of memory, wrong shapes).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/random.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

class Transformer {
 public:
  // Builds a model from `state`, which holds the tensors of TensorScope::kPlain (or, with
  // complementary layers, kDownload; gates are 0 unless given). FailedPrecondition names a tensor
  // that is missing or has another shape.
  //
  // `word_rows`: empty, or the rows of the word table that will occur, sorted, with row 0 first.
  // The model then holds these rows alone and token ids are places in this list. A row that never
  // occurs has no gradient and does not move (without weight decay), so training is the same and
  // costs less.
  static absl::StatusOr<std::unique_ptr<Transformer>> Create(const ModelSpec& spec,
                                                             Modality modality,
                                                             const StateDict& state,
                                                             c10::Device device,
                                                             std::vector<int64_t> word_rows = {});
  ~Transformer();
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;

  struct Parameter {
    std::string name;
    at::Tensor tensor;  // a leaf
  };
  // In the order of TensorScope::kTraining.
  const std::vector<Parameter>& parameters() const { return parameters_; }
  // The parameters that training changes: all but the auxiliary weights, and those too if
  // `aux_trained`.
  std::vector<at::Tensor> Trained(bool aux_trained) const;

  // A stream switches training mode on: stochastic depth draws from it. Null switches it off. The
  // stream must outlive its use.
  void SetTraining(RandomStream* drop_path) { drop_path_ = drop_path; }

  // Token 0 after the final norm, [B,D]. `images`: [B,C,H,W] float, one channel is repeated to
  // three. `tokens`: [B,T] int64, T <= max_tokens.
  at::Tensor ImageToken(const at::Tensor& images) const;
  at::Tensor TextToken(const at::Tensor& tokens) const;
  // Class scores [B,classes] of a uni-modal model.
  at::Tensor Logits(const at::Tensor& token) const;
  // Divides each row by its L2 norm.
  static at::Tensor Normalised(const at::Tensor& token);

  // The upload: W + g * A under the plain names, in the order of TensorScope::kPlain, on the host.
  StateDict Merged() const;

  c10::Device device() const { return device_; }

 private:
  struct Linear {
    at::Tensor weight, bias, gate, auxiliary;  // the last two undefined in plain layers
    at::Tensor Weight() const;
  };
  struct Block {
    at::Tensor norm1_weight, norm1_bias, norm2_weight, norm2_bias;
    Linear qkv, proj, fc1, fc2;
  };

  Transformer(const ModelSpec& spec, Modality modality, c10::Device device)
      : spec_(spec), modality_(modality), device_(device) {}
  absl::Status TakeParameters(const StateDict& state);
  void Bind();
  const at::Tensor& Get(absl::string_view name) const {
    return parameters_[places_.at(name)].tensor;
  }
  bool Holds(absl::string_view name) const { return places_.contains(name); }
  Linear BindLinear(const std::string& name) const;
  Block BindBlock(const std::string& prefix) const;

  at::Tensor Attention(const Block& block, const at::Tensor& x, bool first_token_only) const;
  at::Tensor RunBlocks(const std::vector<Block>& blocks, at::Tensor x) const;
  // `branch` with whole samples dropped, in training mode; layer counts from 0.
  at::Tensor DropPath(const at::Tensor& branch, size_t layer) const;

  const ModelSpec spec_;
  const Modality modality_;
  const c10::Device device_;
  std::vector<int64_t> word_rows_;
  Tensor whole_word_table_;  // as downloaded; kept if word_rows_ is not empty
  std::vector<Parameter> parameters_;
  absl::flat_hash_map<std::string, size_t> places_;
  std::vector<Block> image_blocks_, text_blocks_;
  RandomStream* drop_path_ = nullptr;
};

}  // namespace tributary
