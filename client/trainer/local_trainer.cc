#include "client/trainer/local_trainer.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/trainer/batch_queue.h"
#include "client/trainer/control_variates.h"
#include "client/trainer/objective.h"
#include "client/trainer/public_pass.h"
#include "client/trainer/training_loop.h"
#include "common/base/status_macros.h"
#include "common/model/device.h"
#include "common/model/torch_state.h"
#include "common/model/transformer.h"
#include "common/train/samples.h"

namespace tributary {
namespace {

absl::Status CheckImages(const ModelSpec& spec, const at::Tensor& images) {
  const bool fits = images.size(2) == spec.image_size && images.size(3) == spec.image_size &&
                    (images.size(1) == spec.channels || images.size(1) == 1);
  if (fits) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the samples' images are ", images.size(1), " x ", images.size(2), " x ", images.size(3),
      ", the model expects ", spec.channels, " x ", spec.image_size, " x ", spec.image_size,
      "; prepare the data again with --image-size ", spec.image_size));
}

absl::Status CheckTexts(const ModelSpec& spec, const Samples& samples, const at::Tensor& tokens) {
  if (tokens.size(1) > spec.max_tokens) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the samples' texts have ", tokens.size(1), " tokens, the model takes ", spec.max_tokens));
  }
  if (samples.word_rows().back() >= spec.vocabulary_size) {
    return absl::FailedPreconditionError(absl::StrCat(
        "a text holds token ", samples.word_rows().back(), ", the model's vocabulary has ",
        spec.vocabulary_size, "; use the same vocabulary as the coordinator"));
  }
  return absl::OkStatus();
}

// Whether the model can take the samples; looks at the first one.
absl::Status CheckSamples(const ModelSpec& spec, const Samples& samples) {
  if (samples.count() == 0)
    return absl::FailedPreconditionError("there are no samples to train on");
  ASSIGN_OR_RETURN(const Batch first, samples.Gather({0}, {}, nullptr));
  if (first.images.defined()) RETURN_IF_ERROR(CheckImages(spec, first.images));
  if (first.tokens.defined()) RETURN_IF_ERROR(CheckTexts(spec, samples, first.tokens));
  return absl::OkStatus();
}

absl::Status CheckPublic(const ModelSpec& spec, const Samples* samples) {
  const int64_t found = samples == nullptr ? 0 : samples->count();
  if (found != spec.public_samples) {
    return absl::FailedPreconditionError(
        absl::StrCat("the run has a public set of ", spec.public_samples,
                     " samples, this client holds ", found, " of it; give it with --public"));
  }
  return samples == nullptr ? absl::OkStatus() : CheckSamples(spec, *samples);
}

// The rows of the word table that occur in either, sorted.
std::vector<int64_t> WordRows(const Samples& samples, const Samples* public_samples) {
  std::vector<int64_t> rows;
  const std::vector<int64_t> none;
  const std::vector<int64_t>& more = public_samples == nullptr ? none : public_samples->word_rows();
  std::set_union(samples.word_rows().begin(), samples.word_rows().end(), more.begin(), more.end(),
                 std::back_inserter(rows));
  return rows;
}

absl::Status CheckSettings(const LocalTraining& training) {
  if (training.epochs >= 1 && training.batch >= 1 && training.learning_rate > 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("local training with ", training.epochs, " epochs, batches of ", training.batch,
                   " and learning rate ", training.learning_rate, "; all three must be above 0"));
}

}  // namespace

struct LocalTrainer::Parts {
  ModelSpec spec;
  std::unique_ptr<Samples> samples;
  std::unique_ptr<Samples> public_samples;  // may be null
  c10::Device device;
  int threads;
  std::vector<int64_t> word_rows;    // that occur; empty without texts
  std::vector<int64_t> word_places;  // of each row that occurs, in word_rows

  absl::StatusOr<TrainingResult> Train(const StateDict& downloaded, const LocalTask& task,
                                       const OnTrainingStep& on_step,
                                       const std::atomic<bool>& cancelled,
                                       const StateDict& method_state) const;
  // Adds what is uploaded beside the weights, and what the next round needs.
  absl::Status Complete(const ControlVariates* control, const PublicPass* public_pass,
                        Transformer* model, TrainingResult* result) const;
};

absl::StatusOr<TrainingResult> LocalTrainer::Parts::Train(const StateDict& downloaded,
                                                          const LocalTask& task,
                                                          const OnTrainingStep& on_step,
                                                          const std::atomic<bool>& cancelled,
                                                          const StateDict& method_state) const {
  const absl::Time start = absl::Now();
  // Rows of the word table that never occur have no gradient, but weight decay and control variates
  // move them.
  const bool shorten = task.training.weight_decay == 0 && !spec.control_variates;
  const std::vector<int64_t> whole_table;
  const std::vector<int64_t>& places = shorten ? word_places : whole_table;
  BatchQueue queue(*samples, task, places);  // begins while the model is made
  ASSIGN_OR_RETURN(const std::unique_ptr<Transformer> model,
                   Transformer::Create(spec, samples->modality(), downloaded, device,
                                       shorten ? word_rows : std::vector<int64_t>()));
  std::unique_ptr<PublicPass> public_pass;
  if (public_samples != nullptr && task.training.contrast.has_value()) {
    ASSIGN_OR_RETURN(public_pass,
                     PublicPass::Create(*public_samples, *task.training.contrast,
                                        samples->modality(), downloaded, places, model.get()));
  }
  std::unique_ptr<ControlVariates> control;
  if (spec.control_variates) {
    ASSIGN_OR_RETURN(control, ControlVariates::Create(downloaded, method_state, *model));
  }
  RandomStream drop_path(task.seed, "drop_path", static_cast<uint64_t>(task.round), task.client);
  model->SetTraining(&drop_path);
  const std::unique_ptr<Objective> objective =
      MakeObjective(samples->modality(), task.training, device);
  ASSIGN_OR_RETURN(TrainingResult result,
                   RunTrainingLoop(task, *objective,
                                   {.public_pass = public_pass.get(), .control = control.get()},
                                   on_step, cancelled, &queue, model.get()));
  RETURN_IF_ERROR(Complete(control.get(), public_pass.get(), model.get(), &result));
  result.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return result;
}

absl::Status LocalTrainer::Parts::Complete(const ControlVariates* control,
                                           const PublicPass* public_pass, Transformer* model,
                                           TrainingResult* result) const {
  result->upload = model->Merged();
  if (control != nullptr) {
    ControlVariates::Result variates = control->Finish();
    for (size_t i = 0; i < variates.change.size(); ++i) {
      StateDict::Entry& entry = variates.change[i];
      RETURN_IF_ERROR(result->upload.Add(entry.name, std::move(entry.tensor)));
    }
    result->method_state = std::move(variates.own);
  }
  if (public_pass == nullptr || samples->modality() == Modality::kPair) return absl::OkStatus();
  model->SetTraining(nullptr);
  ASSIGN_OR_RETURN(const at::Tensor features, public_pass->Features());
  return result->upload.Add(std::string(kPublicFeatures), FromTorch(features));
}

LocalTrainer::LocalTrainer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LocalTrainer::~LocalTrainer() = default;

absl::StatusOr<std::unique_ptr<LocalTrainer>> LocalTrainer::Create(
    const ModelSpec& spec, std::unique_ptr<Samples> samples, const TrainerOptions& options,
    std::unique_ptr<Samples> public_samples) {
  if (options.threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads is ", options.threads, ", expected at least 1"));
  }
  RETURN_IF_ERROR(ModelManifest(spec, samples->modality(), TensorScope::kTraining).status());
  ASSIGN_OR_RETURN(const c10::Device device, OpenDevice(options.device));
  RETURN_IF_ERROR(CheckSamples(spec, *samples));
  RETURN_IF_ERROR(CheckPublic(spec, public_samples.get()));
  const bool texts = samples->modality() != Modality::kImage;
  std::vector<int64_t> rows;
  if (texts) rows = WordRows(*samples, public_samples.get());
  std::vector<int64_t> word_places;
  if (!rows.empty()) word_places.resize(static_cast<size_t>(rows.back()) + 1);
  for (size_t place = 0; place < rows.size(); ++place) {
    word_places[static_cast<size_t>(rows[place])] = static_cast<int64_t>(place);
  }
  return std::unique_ptr<LocalTrainer>(new LocalTrainer(
      std::make_unique<Parts>(Parts{spec, std::move(samples), std::move(public_samples), device,
                                    options.threads, std::move(rows), std::move(word_places)})));
}

int64_t LocalTrainer::sample_count() const { return parts_->samples->count(); }

absl::StatusOr<TrainingResult> LocalTrainer::Train(const StateDict& downloaded,
                                                   const LocalTask& task,
                                                   const OnTrainingStep& on_step,
                                                   const std::atomic<bool>& cancelled,
                                                   const StateDict& method_state) {
  RETURN_IF_ERROR(CheckSettings(task.training));
  // What the round used goes back to the system, whichever way it ends.
  const absl::Cleanup trim = [] { malloc_trim(0); };
  try {
    at::set_num_threads(parts_->threads);  // of the calling thread
    return parts_->Train(downloaded, task, on_step, cancelled, method_state);
  } catch (const c10::OutOfMemoryError& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory in training: ", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory in training");
  } catch (const c10::Error& error) {
    return absl::InternalError(absl::StrCat("training: ", error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("training: ", error.what()));
  }
}

}  // namespace tributary
