#include "common/model/transformer.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/torch_state.h"

namespace tributary {
namespace {

constexpr char kWordTable[] = "embeddings.1.text_embeddings.word_embeddings.weight";

// The given rows of a table [rows, dim].
Tensor Rows(const Tensor& table, const std::vector<int64_t>& rows) {
  const int64_t dim = table.shape[1];
  Tensor result = Tensor::Zeros({static_cast<int64_t>(rows.size()), dim});
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(table.values.begin() + rows[i] * dim, dim,
                result.values.begin() + static_cast<int64_t>(i) * dim);
  }
  return result;
}

void PutRows(const Tensor& from, const std::vector<int64_t>& rows, Tensor* table) {
  const int64_t dim = table->shape[1];
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(from.values.begin() + static_cast<int64_t>(i) * dim, dim,
                table->values.begin() + rows[i] * dim);
  }
}

at::Tensor LayerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     double eps) {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, eps);
}

}  // namespace

at::Tensor Transformer::Linear::Weight() const {
  return auxiliary.defined() ? weight + gate * auxiliary : weight;
}

absl::StatusOr<std::unique_ptr<Transformer>> Transformer::Create(const ModelSpec& spec,
                                                                 Modality modality,
                                                                 const StateDict& state,
                                                                 c10::Device device,
                                                                 std::vector<int64_t> word_rows) {
  try {
    std::unique_ptr<Transformer> model(new Transformer(spec, modality, device));
    model->word_rows_ = std::move(word_rows);
    RETURN_IF_ERROR(model->TakeParameters(state));
    model->Bind();
    return model;
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("cannot build the model: ", error.what()));
  }
}

Transformer::~Transformer() = default;

absl::Status Transformer::TakeParameters(const StateDict& state) {
  ASSIGN_OR_RETURN(const Manifest manifest,
                   ModelManifest(spec_, modality_, TensorScope::kTraining));
  for (const TensorSpec& spec : manifest.tensors) {
    const Tensor* given = state.Find(spec.name);
    // Gates are not downloaded: each round begins with the plain weights (docs/algorithm.md section
    // 3).
    const Tensor closed_gate = Tensor::Zeros({1});
    if (given == nullptr && absl::EndsWith(spec.name, ".cross_modal_scale")) given = &closed_gate;
    if (given == nullptr || given->shape != spec.shape) {
      return absl::FailedPreconditionError(
          absl::StrCat("tensor ", spec.name, given == nullptr ? " is missing" : " has shape ",
                       given == nullptr ? "" : ShapeToString(given->shape), "; expected shape ",
                       ShapeToString(spec.shape)));
    }
    Tensor rows;
    if (spec.name == kWordTable && !word_rows_.empty()) {
      // The whole table comes back in Merged(), with the trained rows put into it.
      whole_word_table_ = *given;
      rows = Rows(*given, word_rows_);
      given = &rows;
    }
    places_[spec.name] = parameters_.size();
    at::Tensor tensor = ToTorch(*given, device_);
    parameters_.push_back({spec.name, tensor.set_requires_grad(true)});
  }
  return absl::OkStatus();
}

Transformer::Linear Transformer::BindLinear(const std::string& name) const {
  Linear linear{Get(name + ".weight"), Get(name + ".bias"), {}, {}};
  if (Holds(name + ".aux_weight")) {
    linear.gate = Get(name + ".cross_modal_scale");
    linear.auxiliary = Get(name + ".aux_weight");
  }
  return linear;
}

Transformer::Block Transformer::BindBlock(const std::string& prefix) const {
  return {.norm1_weight = Get(prefix + "norm1.weight"),
          .norm1_bias = Get(prefix + "norm1.bias"),
          .norm2_weight = Get(prefix + "norm2.weight"),
          .norm2_bias = Get(prefix + "norm2.bias"),
          .qkv = BindLinear(prefix + "attn.qkv"),
          .proj = BindLinear(prefix + "attn.proj"),
          .fc1 = BindLinear(prefix + "mlp.fc1"),
          .fc2 = BindLinear(prefix + "mlp.fc2")};
}

// Looks the names of blocks up once, so that no step of training hashes strings.
void Transformer::Bind() {
  for (int64_t layer = 0; layer < spec_.depth; ++layer) {
    if (modality_ != Modality::kText) {
      image_blocks_.push_back(BindBlock(absl::StrCat("blockses.0.", layer, ".")));
    }
    if (modality_ != Modality::kImage) {
      text_blocks_.push_back(BindBlock(absl::StrCat("blockses.1.", layer, ".")));
    }
  }
}

std::vector<at::Tensor> Transformer::Trained(bool aux_trained) const {
  std::vector<at::Tensor> trained;
  for (const Parameter& parameter : parameters_) {
    if (!aux_trained && absl::EndsWith(parameter.name, ".aux_weight")) continue;
    trained.push_back(parameter.tensor);
  }
  return trained;
}

at::Tensor Transformer::ImageToken(const at::Tensor& images) const {
  // One channel becomes three by a view; the gradient of the convolution sums over the copies.
  const at::Tensor input =
      images.size(1) == 1 && spec_.channels == 3 ? images.expand({-1, 3, -1, -1}) : images;
  at::Tensor x = at::conv2d(input, Get("embeddings.0.embed.proj.weight"),
                            Get("embeddings.0.embed.proj.bias"), spec_.patch);
  x = x.flatten(2).transpose(1, 2);
  const at::Tensor cls = Get("embeddings.0.cls_token").expand({x.size(0), -1, -1});
  x = at::cat({cls, x}, 1) + Get("embeddings.0.pos_embed");
  return RunBlocks(image_blocks_, x);
}

at::Tensor Transformer::TextToken(const at::Tensor& tokens) const {
  const std::string prefix = "embeddings.1.text_embeddings.";
  // padding_idx keeps row 0 from getting a gradient. There is no attention mask: padding takes part
  // in attention, as in the release.
  const at::Tensor words = at::embedding(Get(kWordTable), tokens, /*padding_idx=*/0);
  const at::Tensor positions =
      Get(prefix + "position_embeddings.weight").narrow(0, 0, tokens.size(1));
  const at::Tensor type = Get(prefix + "token_type_embeddings.weight").select(0, 0);
  const at::Tensor x = LayerNorm(words + positions + type, Get(prefix + "LayerNorm.weight"),
                                 Get(prefix + "LayerNorm.bias"), kTextNormEps);
  return RunBlocks(text_blocks_, x);
}

at::Tensor Transformer::Attention(const Block& block, const at::Tensor& x,
                                  bool first_token_only) const {
  const int64_t batch = x.size(0), dim = spec_.dim, head_dim = dim / spec_.heads;
  const auto by_head = [&](const at::Tensor& t) {
    return t.reshape({batch, -1, spec_.heads, head_dim}).transpose(1, 2);
  };
  const at::Tensor weight = block.qkv.Weight();
  at::Tensor q, k, v;
  if (first_token_only) {
    // Only token 0 is read after the last block, so that only its query is computed; keys and
    // values need all tokens. The rows of `weight` are query, key, value, `dim` each.
    q = at::linear(x.narrow(1, 0, 1), weight.narrow(0, 0, dim), block.qkv.bias.narrow(0, 0, dim));
    const at::Tensor kv =
        at::linear(x, weight.narrow(0, dim, 2 * dim), block.qkv.bias.narrow(0, dim, 2 * dim));
    k = kv.narrow(2, 0, dim);
    v = kv.narrow(2, dim, dim);
  } else {
    const at::Tensor qkv = at::linear(x, weight, block.qkv.bias);
    q = qkv.narrow(2, 0, dim);
    k = qkv.narrow(2, dim, dim);
    v = qkv.narrow(2, 2 * dim, dim);
  }
  const at::Tensor mixed = at::scaled_dot_product_attention(by_head(q), by_head(k), by_head(v));
  return at::linear(mixed.transpose(1, 2).reshape({batch, -1, dim}), block.proj.Weight(),
                    block.proj.bias);
}

at::Tensor Transformer::DropPath(const at::Tensor& branch, size_t layer) const {
  // Rises from 0 at the first layer to spec_.drop_path at the last. max(): with one layer, 0 / 0.
  const double last = static_cast<double>(std::max<int64_t>(spec_.depth - 1, 1));
  const double drop = spec_.drop_path * static_cast<double>(layer) / last;
  if (drop_path_ == nullptr || drop == 0) return branch;
  const int64_t batch = branch.size(0);
  // Drawn here and not by LibTorch, whose generator is global and differs between devices. Dividing
  // by the probability of being kept leaves the branch's mean as it is.
  at::Tensor mask = at::empty({batch, 1, 1}, at::kFloat);
  auto* values = mask.mutable_data_ptr<float>();
  for (int64_t i = 0; i < batch; ++i) {
    values[i] = drop_path_->Uniform() < drop ? 0.0F : static_cast<float>(1 / (1 - drop));
  }
  return branch * mask.to(device_);
}

at::Tensor Transformer::RunBlocks(const std::vector<Block>& blocks, at::Tensor x) const {
  for (size_t layer = 0; layer < blocks.size(); ++layer) {
    const Block& block = blocks[layer];
    const bool last = layer + 1 == blocks.size();
    const at::Tensor mixed =
        Attention(block, LayerNorm(x, block.norm1_weight, block.norm1_bias, kBlockNormEps), last);
    x = (last ? x.narrow(1, 0, 1) : x) + DropPath(mixed, layer);
    const at::Tensor hidden =
        at::gelu(at::linear(LayerNorm(x, block.norm2_weight, block.norm2_bias, kBlockNormEps),
                            block.fc1.Weight(), block.fc1.bias));
    x = x + DropPath(at::linear(hidden, block.fc2.Weight(), block.fc2.bias), layer);
  }
  return LayerNorm(x.select(1, 0), Get("norm.weight"), Get("norm.bias"), kFinalNormEps);
}

at::Tensor Transformer::Logits(const at::Tensor& token) const {
  const std::string prefix = modality_ == Modality::kImage ? "heads.0.head." : "heads.1.head.";
  return at::linear(token, Get(prefix + "weight"), Get(prefix + "bias"));
}

at::Tensor Transformer::Normalised(const at::Tensor& token) {
  return token / at::linalg_vector_norm(token, 2, {-1}, /*keepdim=*/true);
}

StateDict Transformer::Merged() const {
  const at::NoGradGuard no_gradients;
  StateDict state;
  for (const Parameter& parameter : parameters_) {
    if (absl::EndsWith(parameter.name, ".aux_weight") ||
        absl::EndsWith(parameter.name, ".cross_modal_scale")) {
      continue;
    }
    // The gate and the auxiliary weight are folded into the weight and dropped.
    at::Tensor tensor = parameter.tensor;
    if (absl::EndsWith(parameter.name, ".weight")) {
      const std::string layer = parameter.name.substr(0, parameter.name.size() - 7);
      if (Holds(layer + ".aux_weight")) tensor = BindLinear(layer).Weight();
    }
    Tensor host = FromTorch(tensor);
    if (parameter.name == kWordTable && !word_rows_.empty()) {
      Tensor whole = whole_word_table_;
      PutRows(host, word_rows_, &whole);
      host = std::move(whole);
    }
    state.Add(parameter.name, std::move(host)).IgnoreError();  // names are unique
  }
  return state;
}

}  // namespace tributary
