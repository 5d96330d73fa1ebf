#include "common/model/pretrained.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/codec/kernels.h"
#include "common/model/torch_state.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

constexpr absl::string_view kText = "embeddings.1.text_embeddings.";

// The values of an entry, whatever its float type.
absl::StatusOr<Tensor> ValuesOf(const SafetensorsFile::Entry& entry, const std::string& path) {
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
    return absl::FailedPreconditionError(absl::StrCat(path, ": tensor ", entry.name,
                                                      " has data type ", entry.dtype,
                                                      ", expected F32, F16 or BF16"));
  }
  for (const float value : tensor.values) {
    if (std::isfinite(value)) continue;
    return absl::DataLossError(
        absl::StrCat(path, ": tensor ", entry.name, " holds a value that is not finite"));
  }
  return tensor;
}

// timm's name in the model; empty if it has no place there.
std::string ImageName(absl::string_view name) {
  if (name == "cls_token" || name == "pos_embed") return absl::StrCat("embeddings.0.", name);
  if (absl::ConsumePrefix(&name, "patch_embed.")) return absl::StrCat("embeddings.0.embed.", name);
  if (absl::ConsumePrefix(&name, "blocks.")) return absl::StrCat("blockses.0.", name);
  return absl::StartsWith(name, "norm.") ? std::string(name) : "";
}

std::string TextName(absl::string_view name) {
  const size_t place = name.find("embeddings.");
  // Of BERT only the embedding is taken: the blocks of a text model stay random, as in the paper.
  if (place == absl::string_view::npos || absl::StrContains(name, "encoder")) return "";
  name.remove_prefix(place + sizeof("embeddings.") - 1);
  // Files converted from TensorFlow keep its names for weight and bias.
  if (name == "LayerNorm.gamma") name = "LayerNorm.weight";
  if (name == "LayerNorm.beta") name = "LayerNorm.bias";
  return absl::StrCat(kText, name);
}

// Positions [1, 1 + a*a, dim] for a grid of `side`; the class token's stays.
Tensor ResizePositions(const Tensor& positions, int64_t from, int64_t side) {
  const at::Tensor all = ToTorch(positions, c10::Device(c10::DeviceType::CPU));
  const int64_t dim = all.size(2);
  const at::Tensor grid =
      all.narrow(1, 1, from * from).reshape({1, from, from, dim}).permute({0, 3, 1, 2});
  // Antialiased, as timm resizes; it differs from plain bicubic where the grid becomes smaller.
  const at::Tensor resized = at::_upsample_bicubic2d_aa(grid.contiguous(), {side, side}, false);
  return FromTorch(at::cat(
      {all.narrow(1, 0, 1), resized.permute({0, 2, 3, 1}).reshape({1, side * side, dim})}, 1));
}

class Taker {
 public:
  Taker(std::string path, const ModelSpec& spec, StateDict* state)
      : path_(std::move(path)), spec_(spec), state_(state) {}

  absl::StatusOr<PretrainedReport> Take(std::string (*name_of)(absl::string_view),
                                        const std::string& expected) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsFile> file, SafetensorsFile::Open(path_));
    size_t known = 0;
    for (const SafetensorsFile::Entry& entry : file->entries()) {
      const std::string name = name_of(entry.name);
      Tensor* place = name.empty() ? nullptr : state_->Find(name);
      known += name.empty() ? 0 : 1;
      if (place == nullptr) {
        report_.skipped.push_back(entry.name);
      } else {
        RETURN_IF_ERROR(TakeOne(entry, name, place));
      }
    }
    // Names that are known but have no place (text names for an image model) are no error: one file
    // serves the globals of all modalities. No known name at all means a file of another kind.
    if (known > 0) return std::move(report_);
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " holds none of the tensors that are looked for (", expected, ")"));
  }

 private:
  absl::Status TakeOne(const SafetensorsFile::Entry& entry, const std::string& name,
                       Tensor* place) {
    if (!FitsWidth(entry.shape, place->shape)) return Differs(entry, *place);
    if (entry.shape == place->shape) {
      ASSIGN_OR_RETURN(*place, ValuesOf(entry, path_));
    } else if (name == "embeddings.0.pos_embed") {
      RETURN_IF_ERROR(TakeGrid(entry, place));
    } else if (absl::EndsWith(name, "position_embeddings.weight")) {
      RETURN_IF_ERROR(TakeFirstRows(entry, place));
    } else if (name == "embeddings.0.embed.proj.weight" && entry.shape[1] == place->shape[1]) {
      report_.skipped.push_back(entry.name);
      report_.changed.push_back(absl::StrCat("the patch convolution stays random: patches of ",
                                             entry.shape[2], " pixels there, ", spec_.patch,
                                             " here"));
      return absl::OkStatus();
    } else {
      return Differs(entry, *place);
    }
    report_.taken.push_back(name);
    return absl::OkStatus();
  }

  // Whether both have the same number of axes, and the last axis is the model's width in both if it
  // is in the model's tensor. Another width cannot be fitted; other axes can (positions, patches).
  bool FitsWidth(const Shape& found, const Shape& expected) const {
    if (found.size() != expected.size()) return false;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (expected[i] == spec_.dim && found[i] != spec_.dim && i + 1 == expected.size()) {
        return false;
      }
    }
    return true;
  }

  absl::Status TakeGrid(const SafetensorsFile::Entry& entry, Tensor* place) {
    const int64_t side = spec_.image_size / spec_.patch;
    // The grid must be square: its sides are not in the file. One position is the class token's.
    const auto from = static_cast<int64_t>(std::lround(std::sqrt(entry.shape[1] - 1)));
    if (entry.shape[0] != 1 || from < 1 || from * from + 1 != entry.shape[1]) {
      return Differs(entry, *place);
    }
    ASSIGN_OR_RETURN(const Tensor positions, ValuesOf(entry, path_));
    *place = ResizePositions(positions, from, side);
    report_.changed.push_back(
        absl::StrCat("positions: ", from, " x ", from, " to ", side, " x ", side));
    return absl::OkStatus();
  }

  absl::Status TakeFirstRows(const SafetensorsFile::Entry& entry, Tensor* place) {
    ASSIGN_OR_RETURN(const Tensor rows, ValuesOf(entry, path_));
    const size_t values = std::min(rows.values.size(), place->values.size());
    std::copy_n(rows.values.begin(), values, place->values.begin());
    report_.changed.push_back(absl::StrCat("text positions: the first ",
                                           values / static_cast<size_t>(spec_.dim), " of ",
                                           entry.shape[0]));
    return absl::OkStatus();
  }

  absl::Status Differs(const SafetensorsFile::Entry& entry, const Tensor& place) const {
    const bool words = absl::EndsWith(entry.name, "word_embeddings.weight") &&
                       entry.shape.size() == 2 && entry.shape[1] == spec_.dim;
    return absl::FailedPreconditionError(absl::StrCat(
        path_, ": tensor ", entry.name, " has shape ", ShapeToString(entry.shape),
        ", the run's model has ", ShapeToString(place.shape),
        words
            ? "; give the vocabulary that belongs to the file as model.vocabulary"
            : "; set model.dim, model.heads and model.depth as the file's, or give another file"));
  }

  const std::string path_;
  const ModelSpec& spec_;
  StateDict* const state_;
  PretrainedReport report_;
};

absl::StatusOr<PretrainedReport> Take(const std::string& path, const ModelSpec& spec,
                                      std::string (*name_of)(absl::string_view),
                                      const std::string& expected, StateDict* state) {
  try {
    return Taker(path, spec, state).Take(name_of, expected);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(path, ": ", error.what()));
  }
}

}  // namespace

absl::StatusOr<PretrainedReport> TakeImageWeights(const std::string& path, const ModelSpec& spec,
                                                  StateDict* state) {
  return Take(path, spec, ImageName, "timm's ViT names: cls_token, blocks.0.norm1.weight, ...",
              state);
}

absl::StatusOr<PretrainedReport> TakeTextWeights(const std::string& path, const ModelSpec& spec,
                                                 StateDict* state) {
  return Take(path, spec, TextName, "BERT's names: embeddings.word_embeddings.weight, ...", state);
}

}  // namespace tributary
