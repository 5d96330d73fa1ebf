// Runs a model file that `tributary export` wrote, with the names of the paper's release:
//
//   forward_file MODEL INPUT OUTPUT [--init-image FILE]
//
// INPUT: safetensors with `image` [B,C,H,W] and, for pairs, `tokens` [B,T] as float32. OUTPUT:
// `feature` and `logits`, or `image_embedding` and `text_embedding`. --init-image takes timm
// weights into the model first.
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "common/base/status_macros.h"
#include "common/model/pretrained.h"
#include "common/model/torch_state.h"
#include "common/model/transformer.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

const c10::Device kCpu(c10::DeviceType::CPU);

int64_t Number(const std::map<std::string, std::string>& metadata, const std::string& key) {
  int64_t value = 0;
  return absl::SimpleAtoi(metadata.at(key), &value) ? value : 0;
}

ModelSpec SpecOf(const std::map<std::string, std::string>& metadata) {
  return {.dim = Number(metadata, "dim"),
          .depth = Number(metadata, "depth"),
          .heads = Number(metadata, "heads"),
          .patch = Number(metadata, "patch"),
          .image_size = Number(metadata, "image_size"),
          .channels = Number(metadata, "channels"),
          .max_tokens = Number(metadata, "max_tokens"),
          .vocabulary_size = Number(metadata, "vocabulary_size"),
          .drop_path = 0,
          .classes = Number(metadata, "classes")};
}

absl::Status Forward(const std::string& model_path, const std::string& input_path,
                     const std::string& output_path, const std::string& init_image) {
  ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(model_path));
  ASSIGN_OR_RETURN(StateDict state, ReadSafetensors(model_path));
  ASSIGN_OR_RETURN(const StateDict input, ReadSafetensors(input_path));
  const ModelSpec spec = SpecOf(file->metadata());
  ASSIGN_OR_RETURN(const Modality modality, ParseModality(file->metadata().at("modality")));
  if (!init_image.empty()) {
    RETURN_IF_ERROR(TakeImageWeights(init_image, spec, &state).status());
  }
  ASSIGN_OR_RETURN(const auto model, Transformer::Create(spec, modality, state, kCpu));
  const at::Tensor token = model->ImageToken(ToTorch(*input.Find("image"), kCpu));
  StateDict output;
  const char* const name = modality == Modality::kPair ? "image_embedding" : "feature";
  RETURN_IF_ERROR(output.Add(name, FromTorch(Transformer::Normalised(token))));
  if (modality == Modality::kPair) {
    const at::Tensor tokens = ToTorch(*input.Find("tokens"), kCpu).to(at::kLong);
    RETURN_IF_ERROR(
        output.Add("text_embedding", FromTorch(Transformer::Normalised(model->TextToken(tokens)))));
  } else {
    RETURN_IF_ERROR(output.Add("logits", FromTorch(model->Logits(token))));
  }
  return WriteSafetensors(output_path, output);
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  const bool init = argc == 6 && std::string(argv[4]) == "--init-image";
  if (argc != 4 && !init) {
    std::cerr << "usage: forward_file MODEL INPUT OUTPUT [--init-image FILE]\n";
    return 2;
  }
  const absl::Status status = tributary::Forward(argv[1], argv[2], argv[3], init ? argv[5] : "");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
