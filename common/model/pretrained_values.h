// Values of a file of pretrained weights, in the shapes of the model.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/model/pretrained_names.h"
#include "common/tensor/tensor.h"

namespace tributary {

class PretrainedValues {
 public:
  // `named` is of the file at `path`, which is only for messages, and outlives this object.
  PretrainedValues(std::string path, const ModelSpec& spec, const NamedTensors& named)
      : path_(std::move(path)), spec_(spec), named_(named) {}

  // The values of `name`, a tensor of the model of shape `shape`: thirds are stacked, LayerScale is
  // folded in, biases that the file's model does not have are 0, positions are interpolated
  // (bicubic, antialiased, as timm does it). FailedPrecondition, naming file, tensor and both
  // shapes, where they do not fit; DataLoss for a value that is not finite.
  absl::StatusOr<Tensor> Of(const std::string& name, const Shape& shape);

  // How tensors were fitted: "positions: 14 x 14 to 4 x 4".
  const std::vector<std::string>& changed() const { return changed_; }
  // Biases that are 0 for want of one in the file.
  int64_t absent_biases() const { return absent_biases_; }

 private:
  absl::StatusOr<Tensor> Read(const FileTensor& entry) const;
  // As Read(), for one of `shape`, apart from axes of length 1.
  absl::StatusOr<Tensor> ReadAs(const FileTensor& entry, const Shape& shape) const;
  absl::StatusOr<Tensor> Stacked(const TensorSource& source, const std::string& name,
                                 const Shape& shape);
  absl::StatusOr<Tensor> Positions(const FileTensor& entry, const Shape& shape);
  absl::StatusOr<Tensor> FirstRows(const FileTensor& entry, const Shape& shape);
  absl::Status FoldScale(const std::string& name, Tensor* tensor) const;
  absl::Status Differs(const FileTensor& entry, const Shape& shape) const;

  const std::string path_;
  const ModelSpec& spec_;
  const NamedTensors& named_;
  std::vector<std::string> changed_;
  int64_t absent_biases_ = 0;
};

}  // namespace tributary
