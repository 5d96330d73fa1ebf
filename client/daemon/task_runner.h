// TaskRunner: the worker thread. It builds the model, runs one task at a time and reports the end
// of each to the deciding thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/daemon/event_queue.h"
#include "client/daemon/task_run.h"

namespace tributary {

// Its functions are called by the deciding thread and return at once; the destructor cancels what
// runs and waits for it, which takes a step of training at most.
class TaskRunner {
 public:
  // `place`'s pointers and `events` must outlive the runner.
  TaskRunner(WorkPlace place, TrainerFactory factory, EventQueue* events);
  ~TaskRunner();
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  // Starts building the trainer for `model` unless it exists; a task for another model is
  // cancelled. Pushes TrainerReady{stream, ...} when it is done.
  void Prepare(uint64_t stream, const ModelSpec& model);

  // Accepts a task. A task of the round that is being worked on only updates the attempt's number
  // and is not started again, since training does not depend on the attempt. A task of any other
  // round, or one that evaluates in place of one that trains, replaces the one that is being worked
  // on. Requires a trainer.
  void Offer(const v1::Task& task);

  // Cancels the task of `round`, if it is being worked on and not of a later attempt.
  void Cancel(uint32_t round, uint32_t attempt, const std::string& reason);

 private:
  struct Job {
    v1::Task task;
    uint32_t attempt;  // the latest that was offered
    CancelToken token;
  };
  struct Preparation {
    uint64_t stream;
    ModelSpec model;
  };

  void Work();
  void DoPrepare(const Preparation& preparation);
  void DoTask(Job* job);
  void Abandon(const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const WorkPlace place_;
  const TrainerFactory factory_;
  EventQueue* const events_;
  std::unique_ptr<TaskTrainer> trainer_;  // the worker's own
  HeldModel held_;                        // the worker's own

  absl::Mutex mutex_;
  std::optional<ModelSpec> model_ ABSL_GUARDED_BY(mutex_);  // what trainer_ is or will be for
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Preparation> preparation_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Job> next_ ABSL_GUARDED_BY(mutex_);
  Job* current_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last member: it starts when all others are constructed
};

}  // namespace tributary
