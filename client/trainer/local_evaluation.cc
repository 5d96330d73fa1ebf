#include "client/trainer/local_evaluation.h"

#include <exception>
#include <memory>
#include <new>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/device.h"
#include "common/model/transformer.h"
#include "common/train/evaluation.h"
#include "common/train/samples.h"

namespace tributary {
namespace {

constexpr int64_t kBatch = 256;

absl::StatusOr<TaskCounts> Count(ModelSpec spec, const Samples& samples, const StateDict& weights,
                                 const LocalEvaluation& options) {
  ASSIGN_OR_RETURN(const c10::Device device, OpenDevice(options.device));
  at::set_num_threads(options.threads);  // of the calling thread
  const at::NoGradGuard no_gradients;
  spec.complementary = ComplementaryLayers::kNone;
  ASSIGN_OR_RETURN(const std::unique_ptr<Transformer> model,
                   Transformer::Create(spec, samples.modality(), weights, device));
  return CountTask(spec, *model, samples, kBatch);
}

}  // namespace

absl::StatusOr<TaskCounts> EvaluateLocally(const ModelSpec& spec, const Samples& samples,
                                           const StateDict& weights,
                                           const LocalEvaluation& options) {
  // The model's memory goes back to the system, whichever way this ends.
  const absl::Cleanup trim = [] { malloc_trim(0); };
  try {
    return Count(spec, samples, weights, options);
  } catch (const c10::OutOfMemoryError& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory in evaluation: ", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory in evaluation");
  } catch (const c10::Error& error) {
    return absl::InternalError(absl::StrCat("evaluation: ", error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("evaluation: ", error.what()));
  }
}

}  // namespace tributary
