#include "common/model/pretrained_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/codec/kernels.h"
#include "common/model/torch_state.h"

namespace tributary {
namespace {

Shape WithoutOnes(const Shape& shape) {
  Shape rest;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(rest),
               [](int64_t length) { return length != 1; });
  return rest;
}

// The side of a square grid of `count` positions; 0 if they make none.
int64_t SideOf(int64_t count) {
  if (count < 1) return 0;
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(count))));
  return side * side == count ? side : 0;
}

// `grid`: [from * from, dim]. Antialiased, as timm resizes; it differs from plain bicubic where the
// grid becomes smaller.
Tensor ResizeGrid(Tensor grid, int64_t from, int64_t to) {
  if (from == to) return grid;
  const at::Tensor all = ToTorch(grid, c10::Device(c10::DeviceType::CPU));
  const int64_t dim = all.size(1);
  const at::Tensor planes = all.reshape({1, from, from, dim}).permute({0, 3, 1, 2}).contiguous();
  const at::Tensor resized = at::_upsample_bicubic2d_aa(planes, {to, to}, false);
  return FromTorch(resized.permute({0, 2, 3, 1}).reshape({to * to, dim}).contiguous());
}

}  // namespace

absl::StatusOr<Tensor> PretrainedValues::Read(const FileTensor& entry) const {
  Tensor tensor = Tensor::Zeros(entry.shape);
  const absl::string_view bytes(reinterpret_cast<const char*>(entry.bytes.data()),
                                entry.bytes.size());
  if (entry.dtype == "F32") {
    std::memcpy(tensor.values.data(), bytes.data(), bytes.size());
  } else if (entry.dtype == "F16") {
    HalvesToFloats(bytes.data(), absl::MakeSpan(tensor.values));
  } else if (entry.dtype == "BF16") {
    BrainFloatsToFloats(bytes.data(), absl::MakeSpan(tensor.values));
  } else {
    return absl::FailedPreconditionError(absl::StrCat(path_, ": tensor ", entry.name,
                                                      " has data type ", entry.dtype,
                                                      ", expected F32, F16 or BF16"));
  }
  for (const float value : tensor.values) {
    if (std::isfinite(value)) continue;
    return absl::DataLossError(
        absl::StrCat(path_, ": tensor ", entry.name, " holds a value that is not finite"));
  }
  return tensor;
}

absl::StatusOr<Tensor> PretrainedValues::ReadAs(const FileTensor& entry, const Shape& shape) const {
  // Class tokens are [dim] or [1, 1, dim].
  if (WithoutOnes(entry.shape) != WithoutOnes(shape)) return Differs(entry, shape);
  ASSIGN_OR_RETURN(Tensor tensor, Read(entry));
  tensor.shape = shape;
  return tensor;
}

absl::StatusOr<Tensor> PretrainedValues::Of(const std::string& name, const Shape& shape) {
  const auto found = named_.sources.find(name);
  if (found == named_.sources.end()) {
    if (absl::EndsWith(name, ".bias")) ++absent_biases_;
    return Tensor::Zeros(shape);
  }
  const TensorSource& source = found->second;
  if (source.apart()) {
    ASSIGN_OR_RETURN(Tensor tensor, Stacked(source, name, shape));
    RETURN_IF_ERROR(FoldScale(name, &tensor));
    return tensor;
  }
  const FileTensor& entry = *source.any();
  if (absl::EndsWith(name, ".pos_embed")) return Positions(entry, shape);
  if (absl::EndsWith(name, ".position_embeddings.weight")) return FirstRows(entry, shape);
  ASSIGN_OR_RETURN(Tensor tensor, ReadAs(entry, shape));
  RETURN_IF_ERROR(FoldScale(name, &tensor));
  return tensor;
}

absl::StatusOr<Tensor> PretrainedValues::Stacked(const TensorSource& source,
                                                 const std::string& name, const Shape& shape) {
  if (source.whole != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": tensors ", source.whole->name, " and ", source.any()->name,
                     " stand for the same part of the model; give a file of one model"));
  }
  Shape third = shape;
  third[0] /= 3;
  Tensor stacked = Tensor::Zeros(shape);
  const auto rows = static_cast<size_t>(ElementCount(third));
  for (size_t i = 0; i < source.thirds.size(); ++i) {
    const FileTensor* entry = source.thirds[i];
    if (entry == nullptr) {
      // BEiT's keys have no bias, which is the same as a bias of 0.
      if (absl::EndsWith(name, ".bias")) continue;
      return absl::FailedPreconditionError(absl::StrCat(path_, " has ", source.any()->name,
                                                        " without the two beside it (query, ",
                                                        "key, value); give a whole file"));
    }
    ASSIGN_OR_RETURN(const Tensor part, ReadAs(*entry, third));
    std::copy(part.values.begin(), part.values.end(),
              stacked.values.begin() + static_cast<int64_t>(i * rows));
  }
  return stacked;
}

absl::Status PretrainedValues::FoldScale(const std::string& name, Tensor* tensor) const {
  absl::string_view module = name;
  if (!absl::ConsumeSuffix(&module, ".weight") && !absl::ConsumeSuffix(&module, ".bias")) {
    return absl::OkStatus();
  }
  const auto found = named_.scales.find(std::string(module));
  if (found == named_.scales.end()) return absl::OkStatus();
  // gamma * (W x + b) = (gamma * W) x + gamma * b: exact, up to the rounding of the products.
  const int64_t rows = tensor->shape[0];
  ASSIGN_OR_RETURN(const Tensor scale, ReadAs(*found->second, {rows}));
  const size_t columns = tensor->values.size() / static_cast<size_t>(rows);
  for (size_t i = 0; i < tensor->values.size(); ++i) {
    tensor->values[i] *= scale.values[i / columns];
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> PretrainedValues::Positions(const FileTensor& entry, const Shape& shape) {
  const int64_t dim = shape[2], to = spec_.image_size / spec_.patch;
  if (entry.shape.size() < 2 || entry.shape.back() != dim ||
      ElementCount(entry.shape) != entry.shape[entry.shape.size() - 2] * dim) {
    return Differs(entry, shape);
  }
  const int64_t count = entry.shape[entry.shape.size() - 2];
  // Positions begin with the class token's; or with none, where tokens are put before the patches
  // afterwards; or with those of all tokens. The grid must be square: its sides are not in the
  // file.
  int64_t extra = 0;
  for (const FileTensor* token : named_.extra_tokens) extra += ElementCount(token->shape) / dim;
  const bool has_class = named_.sources.contains("embeddings.0.cls_token");
  int64_t before = -1;
  for (const int64_t tokens : {has_class ? int64_t{1} : 0, int64_t{0}, 1 + extra}) {
    if (SideOf(count - tokens) == 0) continue;
    before = tokens;
    break;
  }
  if (before < 0) return Differs(entry, shape);
  const int64_t from = SideOf(count - before);
  ASSIGN_OR_RETURN(const Tensor all, Read(entry));
  Tensor grid = Tensor::Zeros({from * from, dim});
  std::copy(all.values.begin() + before * dim, all.values.end(), grid.values.begin());
  grid = ResizeGrid(std::move(grid), from, to);
  Tensor positions = Tensor::Zeros(shape);
  if (before > 0) std::copy_n(all.values.begin(), dim, positions.values.begin());
  std::copy(grid.values.begin(), grid.values.end(), positions.values.begin() + dim);
  if (from != to) {
    changed_.push_back(absl::StrCat("positions: ", from, " x ", from, " to ", to, " x ", to));
  }
  if (before == 0) changed_.push_back("the class token has position 0: the file has none for it");
  return positions;
}

absl::StatusOr<Tensor> PretrainedValues::FirstRows(const FileTensor& entry, const Shape& shape) {
  if (entry.shape.size() != 2 || entry.shape[1] != shape[1]) return Differs(entry, shape);
  if (entry.shape[0] < shape[0]) {
    return absl::FailedPreconditionError(absl::StrCat(
        path_, ": tensor ", entry.name, " has ", entry.shape[0], " positions, the run's model ",
        shape[0], "; set model.max_tokens to at most ", entry.shape[0]));
  }
  ASSIGN_OR_RETURN(Tensor rows, Read(entry));
  rows.values.resize(static_cast<size_t>(ElementCount(shape)));
  rows.shape = shape;
  if (entry.shape[0] > shape[0]) {
    changed_.push_back(
        absl::StrCat("text positions: the first ", shape[0], " of ", entry.shape[0]));
  }
  return rows;
}

absl::Status PretrainedValues::Differs(const FileTensor& entry, const Shape& shape) const {
  const char* advice =
      "; set model.dim, model.heads and model.depth as the file's, or give another file";
  if (absl::EndsWith(entry.name, "word_embeddings.weight") && entry.shape.size() == 2 &&
      entry.shape[1] == spec_.dim) {
    advice = "; give the vocabulary that belongs to the file as model.vocabulary";
  } else if (entry.shape.size() == 2 && shape.size() == 2 &&
             (shape[0] == 4 * spec_.dim || shape[1] == 4 * spec_.dim)) {
    advice = "; its MLPs are gated or of another width: give the weights of a plain ViT";
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path_, ": tensor ", entry.name, " has shape ", ShapeToString(entry.shape),
                   ", the run's model has ", ShapeToString(shape), advice));
}

}  // namespace tributary
