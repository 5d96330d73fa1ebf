#include "client/daemon/task_runner.h"

#include <utility>

#include <malloc.h>

#include "absl/strings/str_cat.h"

namespace tributary {

TaskRunner::TaskRunner(WorkPlace place, TrainerFactory factory, EventQueue* events)
    : place_(std::move(place)),
      factory_(std::move(factory)),
      events_(events),
      thread_([this] { Work(); }) {}

TaskRunner::~TaskRunner() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    Abandon("the client stops");
  }
  thread_.join();
}

void TaskRunner::Prepare(uint64_t stream, const ModelSpec& model) {
  absl::MutexLock lock(&mutex_);
  if (ready_ && model_ == model) {
    events_->Push(TrainerReady{stream, absl::OkStatus()});
    return;
  }
  Abandon("the run's model has changed");
  model_ = model;
  ready_ = false;
  preparation_ = Preparation{stream, model};
}

void TaskRunner::Offer(const v1::Task& task) {
  absl::MutexLock lock(&mutex_);
  // A job that waits has replaced the one that still runs, which is cancelled already.
  Job* running = next_ != nullptr ? next_.get() : current_;
  if (running != nullptr && running->task.round() == task.round() &&
      running->task.evaluation() == task.evaluation() && !running->token.cancelled) {
    running->attempt = task.attempt();
    return;
  }
  Abandon(absl::StrCat("the coordinator has moved on to round ", task.round()));
  next_ = std::make_unique<Job>();
  next_->task = task;
  next_->attempt = task.attempt();
}

void TaskRunner::Cancel(uint32_t round, uint32_t attempt, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  Job* running = next_ != nullptr ? next_.get() : current_;
  if (running != nullptr && running->task.round() == round && running->attempt <= attempt) {
    Abandon(reason);
  }
}

void TaskRunner::Abandon(const std::string& reason) {
  next_.reset();
  if (current_ != nullptr) place_.gate->Cancel(&current_->token, reason);
}

void TaskRunner::Work() {
  while (true) {
    std::optional<Preparation> preparation;
    std::unique_ptr<Job> job;
    {
      absl::MutexLock lock(&mutex_);
      const auto any = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
        return stop_ || preparation_ || next_ != nullptr;
      };
      mutex_.Await(absl::Condition(&any));
      if (stop_) return;
      preparation = std::exchange(preparation_, std::nullopt);
      // A model that is asked for comes before any task, which needs it.
      if (!preparation) {
        job = std::move(next_);
        current_ = job.get();
      }
    }
    if (preparation) {
      DoPrepare(*preparation);
    } else {
      DoTask(job.get());
    }
  }
}

void TaskRunner::DoPrepare(const Preparation& preparation) {
  trainer_.reset();  // first, or two models would be in memory at once
  held_ = {};
  absl::StatusOr<std::unique_ptr<TaskTrainer>> trainer = factory_(preparation.model);
  if (trainer.ok()) trainer_ = *std::move(trainer);
  absl::MutexLock lock(&mutex_);
  if (preparation_) return;  // another model was asked for meanwhile: its end is reported instead
  ready_ = trainer.ok();
  events_->Push(TrainerReady{preparation.stream, trainer.status()});
}

void TaskRunner::DoTask(Job* job) {
  absl::Status status = trainer_ == nullptr
                            ? absl::InternalError("a task came before the model was built")
                            : TaskRun(place_, job->task, trainer_.get(), &held_, &job->token).Run();
  // A model and an update were freed. Their pages go back now: the client may wait for hours.
  malloc_trim(0);
  absl::MutexLock lock(&mutex_);
  current_ = nullptr;
  // Whoever cancelled a task does not want to hear that it failed.
  if (job->token.cancelled) {
    place_.log->info("round {}: the task was cancelled: {}", job->task.round(), job->token.reason);
    status = absl::OkStatus();
  }
  events_->Push(TaskEnded{job->task.round(), job->attempt, std::move(status)});
}

}  // namespace tributary
