// Pretrained weights: files of other projects' models into a global's parameters.
//
// An image file fills the image parts of a model and its final norm, which text models have too; a
// text file fills the text embedding. Everything else stays as it was. Whose names are known stands
// in common/model/pretrained_conventions.cc. What a file's model computes beyond ours is folded in
// where that is exact (LayerScale), told where it is a matter of what is read (registers, pooling,
// the norms' eps), and refuses the file where the features would be others. Source:
// docs/algorithm.md section 1, "Pretraining".
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// What was done with each of a file's tensors.
struct PretrainedReport {
  std::vector<std::string> taken;    // names in the model
  std::vector<std::string> changed;  // how a tensor was fitted: "positions: 14 x 14 to 4 x 4"
  std::vector<std::string> skipped;  // names in the file
  std::vector<std::string> notes;    // how the file's own model differs from this one
};

// Copies the tensors that `state`, a global of `spec`, has a place for. Positions of another
// resolution are interpolated (bicubic, antialiased, as timm does it); a patch convolution of
// another patch size is skipped. NotFound or DataLoss for the file. FailedPrecondition, naming the
// file and what does not fit, for one of another width or number of heads, with parts that the
// model cannot compute, of which most would be left out, or that leaves most of the model as drawn;
// `state` is then as it was.
absl::StatusOr<PretrainedReport> TakeImageWeights(const std::string& path, const ModelSpec& spec,
                                                  StateDict* state);

// The same for a text file. Its first spec.max_tokens positions are taken. FailedPrecondition also
// for a word table of another vocabulary's size.
absl::StatusOr<PretrainedReport> TakeTextWeights(const std::string& path, const ModelSpec& spec,
                                                 StateDict* state);

}  // namespace tributary
