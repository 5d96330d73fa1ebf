#include "common/model/pretrained.h"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/model/pretrained_config.h"
#include "common/model/pretrained_names.h"
#include "common/model/pretrained_values.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

constexpr absl::string_view kBlocks = "blockses.0.";
constexpr absl::string_view kPatches = "embeddings.0.embed.proj.weight";
constexpr absl::string_view kClassToken = "embeddings.0.cls_token";
constexpr absl::string_view kTokenTypes =
    "embeddings.1.text_embeddings.token_type_embeddings.weight";

// What a file of the modality fills.
absl::StatusOr<Manifest> ComponentOf(ModelSpec spec, Modality modality) {
  spec.classes = std::max<int64_t>(spec.classes, 1);  // pairs have none; heads are not taken
  spec.complementary = ComplementaryLayers::kNone;
  ASSIGN_OR_RETURN(const Manifest all, ModelManifest(spec, modality, TensorScope::kPlain));
  Manifest component;
  for (const TensorSpec& tensor : all.tensors) {
    const bool text = absl::StartsWith(tensor.name, "embeddings.1.");
    const bool head = absl::StartsWith(tensor.name, "heads.");
    if (modality == Modality::kText ? text : !head) component.tensors.push_back(tensor);
  }
  return component;
}

class Taker {
 public:
  Taker(const std::string& path, const ModelSpec& spec, Modality modality, StateDict* state)
      : path_(path), spec_(spec), modality_(modality), state_(state) {}

  absl::StatusOr<PretrainedReport> Take() {
    ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsFile> file, SafetensorsFile::Open(path_));
    const bool text = modality_ == Modality::kText;
    ASSIGN_OR_RETURN(named_,
                     NameTensors(*file, path_, text ? TextConventions() : ImageConventions()));
    ASSIGN_OR_RETURN(const PretrainedConfig config, ReadPretrainedConfig(path_, file->metadata()));
    report_.skipped = named_.skipped;
    report_.notes = named_.notes;
    RETURN_IF_ERROR(CheckConfig(config));
    ASSIGN_OR_RETURN(component_, ComponentOf(spec_, modality_));
    RETURN_IF_ERROR(CheckBlocks());
    RETURN_IF_ERROR(TakeValues());
    return std::move(report_);
  }

 private:
  absl::Status CheckConfig(const PretrainedConfig& config) {
    const Convention& convention = *named_.convention;
    if (modality_ == Modality::kText) {
      NoteEps(config.text_norm_eps.value_or(convention.norm_eps), kTextNormEps, "embedding's");
      return absl::OkStatus();
    }
    const std::string activation = config.activation.value_or(std::string(convention.activation));
    if (activation != "gelu") {
      return absl::FailedPreconditionError(absl::StrCat(
          path_, ": its MLPs have the activation ", activation, " (",
          config.activation.has_value()
              ? config.source
              : absl::StrCat("as models with the names of ", convention.name,
                             " have where config.json beside the file does not say otherwise"),
          "), the run's model has gelu; give another file"));
    }
    if (config.rotary) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, ": the model has rotary positions (", config.source,
                       "), which the run's model cannot compute; give another file"));
    }
    if (config.heads.value_or(spec_.heads) != spec_.heads) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, ": the model has ", *config.heads, " attention heads (",
                       config.source, "), the run's model ", spec_.heads,
                       "; set model.heads = ", *config.heads, ", or give another file"));
    }
    NoteEps(config.block_norm_eps.value_or(convention.norm_eps), kBlockNormEps, "blocks'");
    NoteEps(config.final_norm_eps.value_or(config.block_norm_eps.value_or(convention.norm_eps)),
            kFinalNormEps, "last");
    return absl::OkStatus();
  }

  void NoteEps(double theirs, double ours, absl::string_view which) {
    if (theirs == ours) return;
    report_.notes.push_back(absl::StrCat("the ", which, " norms are computed with eps ", ours,
                                         ", the file's model has ", theirs));
  }

  // Refuses a file of which most would be left out, or that would leave most of the model random.
  absl::Status CheckBlocks() {
    if (modality_ == Modality::kText) return absl::OkStatus();
    std::vector<std::string> beyond, untouched;
    for (const auto& [name, source] : named_.sources) {
      if (InModel(name)) continue;
      beyond.push_back(source.any()->name);
    }
    for (int64_t layer = named_.depth; layer < spec_.depth; ++layer) {
      untouched.push_back(absl::StrCat(kBlocks, layer));
    }
    if (2 * std::min(named_.depth, spec_.depth) < std::max(named_.depth, spec_.depth)) {
      return absl::FailedPreconditionError(absl::StrCat(
          path_, " has ", named_.depth, " blocks, the run's model ", spec_.depth, ": most of the ",
          untouched.empty() ? "file would be left out (" : "model would stay as drawn (",
          FirstOf(untouched.empty() ? beyond : untouched),
          "); set model.depth as the file's, or give another file"));
    }
    if (!beyond.empty()) {
      report_.notes.push_back(absl::StrCat("blocks ", spec_.depth, " to ", named_.depth - 1,
                                           " of the file are left out"));
      report_.skipped.insert(report_.skipped.end(), beyond.begin(), beyond.end());
    }
    if (!untouched.empty()) {
      report_.notes.push_back(absl::StrCat("the model's blocks ", named_.depth, " to ",
                                           spec_.depth - 1, " stay as drawn: the file has none"));
    }
    return absl::OkStatus();
  }

  // False for parts of blocks beyond the model's depth.
  bool InModel(absl::string_view name) const { return LayerOf(name) < spec_.depth; }

  // The number of a block; -1 outside of the blocks.
  static int64_t LayerOf(absl::string_view name) {
    int64_t layer = -1;
    if (!absl::ConsumePrefix(&name, kBlocks)) return layer;
    return absl::SimpleAtoi(name.substr(0, name.find('.')), &layer) ? layer : -1;
  }

  absl::Status TakeValues() {
    PretrainedValues values(path_, spec_, named_);
    std::vector<std::pair<Tensor*, Tensor>> copies;
    std::vector<std::string> missing;
    RETURN_IF_ERROR(CheckWidth(&values));
    for (const TensorSpec& tensor : component_.tensors) {
      if (LayerOf(tensor.name) >= named_.depth || IsOtherPatch(tensor)) continue;
      if (IsMissing(tensor.name)) {
        missing.push_back(tensor.name);
        continue;
      }
      Tensor* const place = state_->Find(tensor.name);
      if (place == nullptr) {
        Skip(tensor.name);
        continue;
      }
      ASSIGN_OR_RETURN(Tensor value, values.Of(tensor.name, tensor.shape));
      copies.emplace_back(place, std::move(value));
      report_.taken.push_back(tensor.name);
    }
    RETURN_IF_ERROR(CheckAllPlaced(missing));
    for (auto& [place, value] : copies) *place = std::move(value);
    report_.changed.insert(report_.changed.end(), values.changed().begin(), values.changed().end());
    NoteAbsent(values);
    return absl::OkStatus();
  }

  // The class token tells another width most plainly; positions could differ for other reasons.
  absl::Status CheckWidth(PretrainedValues* values) const {
    const std::string name(kClassToken);
    if (state_->Find(name) == nullptr) return absl::OkStatus();
    return values->Of(name, {1, 1, spec_.dim}).status();
  }

  // A patch convolution of another patch size cannot be fitted: it stays as it was.
  bool IsOtherPatch(const TensorSpec& tensor) {
    const auto found = named_.sources.find(tensor.name);
    if (tensor.name != kPatches || found == named_.sources.end()) return false;
    const FileTensor& entry = *found->second.any();
    if (entry.shape.size() != 4 || entry.shape == tensor.shape ||
        entry.shape[0] != tensor.shape[0] || entry.shape[1] != tensor.shape[1]) {
      return false;
    }
    if (state_->Find(tensor.name) != nullptr) {
      report_.changed.push_back(absl::StrCat("the patch convolution stays random: patches of ",
                                             entry.shape[2], " pixels there, ", spec_.patch,
                                             " here"));
    }
    report_.skipped.push_back(entry.name);
    return true;
  }

  // Whether the file's model would be another without it. A bias that is not there is 0, and so are
  // a class token and token types.
  bool IsMissing(const std::string& name) const {
    return !named_.sources.contains(name) && !absl::EndsWith(name, ".bias") &&
           name != kClassToken && name != kTokenTypes;
  }

  void Skip(const std::string& name) {
    const auto found = named_.sources.find(name);
    if (found != named_.sources.end()) report_.skipped.push_back(found->second.any()->name);
  }

  // Refuses a file that is not whole, or holds what the model has no place for.
  absl::Status CheckAllPlaced(const std::vector<std::string>& missing) const {
    if (!missing.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          path_, ", with the names of ", named_.convention->name, ", has nothing for ",
          FirstOf(missing), " of the run's model",
          absl::EndsWith(missing.front(), ".pos_embed")
              ? " (its positions may be relative or rotary, which the model does not have)"
              : "",
          "; give a whole file of a plain model"));
    }
    std::set<absl::string_view> known;
    for (const TensorSpec& tensor : component_.tensors) known.insert(tensor.name);
    std::vector<std::string> strange;
    for (const auto& [name, source] : named_.sources) {
      if (InModel(name) && !known.contains(name)) strange.push_back(source.any()->name);
    }
    if (strange.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " has parts that the run's model has not: ", FirstOf(strange),
                     "; give the weights of a plain model"));
  }

  void NoteAbsent(const PretrainedValues& values) {
    if (values.absent_biases() > 0) {
      report_.notes.push_back(
          absl::StrCat(values.absent_biases(), " biases are 0: the file's model has none there"));
    }
    if (state_->Find(kClassToken) != nullptr &&
        !named_.sources.contains(std::string(kClassToken))) {
      report_.notes.push_back(
          "the file has no class token: the model's begins at 0 and has to be learnt");
    }
    if (modality_ == Modality::kText && !named_.sources.contains(std::string(kTokenTypes))) {
      report_.notes.push_back("token types are 0: the file has none");
    }
  }

  const std::string& path_;
  const ModelSpec& spec_;
  const Modality modality_;
  StateDict* const state_;
  NamedTensors named_;
  Manifest component_;
  PretrainedReport report_;
};

absl::StatusOr<PretrainedReport> Take(const std::string& path, const ModelSpec& spec,
                                      Modality modality, StateDict* state) {
  try {
    return Taker(path, spec, modality, state).Take();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(path, ": ", error.what()));
  }
}

}  // namespace

absl::StatusOr<PretrainedReport> TakeImageWeights(const std::string& path, const ModelSpec& spec,
                                                  StateDict* state) {
  return Take(path, spec, Modality::kImage, state);
}

absl::StatusOr<PretrainedReport> TakeTextWeights(const std::string& path, const ModelSpec& spec,
                                                 StateDict* state) {
  return Take(path, spec, Modality::kText, state);
}

}  // namespace tributary
