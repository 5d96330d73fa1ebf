// What a worker works with, against a coordinator on the loopback: no Attend stream, a session that
// the test opens.
#pragma once

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "client/daemon/task_run.h"
#include "common/rpc/channel.h"
#include "tests/scratch_folder.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/running_daemon.h"

namespace tributary {

// Valid at a FakeCoordinator that nobody has joined yet.
inline constexpr char kFirstSession[] = "session-0";

inline WorkGate::Terms TermsOf(const FakeCoordinator& coordinator,
                               const std::string& session = kFirstSession, bool deltas = false) {
  auto terms = std::make_shared<SessionTerms>();
  terms->session = session;
  terms->run_id = "run-1";
  terms->run_name = "a run";
  terms->model = TinySpec();
  terms->download = Manifest::Of(coordinator.model());
  terms->upload = coordinator.upload();
  terms->chunk_bytes = 16 << 10;
  terms->heartbeat = absl::Seconds(5);
  terms->delta_downloads = deltas;
  return terms;
}

inline v1::Task TaskOf(uint32_t round, uint32_t attempt = 1, v1::Codec codec = v1::CODEC_F32) {
  v1::Task task;
  task.set_round(round);
  task.set_attempt(attempt);
  task.set_seed(42);
  task.set_upload_codec(codec);
  return task;
}

// Owns everything that a WorkPlace points to.
class WorkerPlace {
 public:
  // `on_progress`: as ProgressBoard takes it.
  explicit WorkerPlace(
      const std::string& address, std::function<void()> on_progress = [] {})
      : dial_([address] { return MakeChannel(address, grpc::InsecureChannelCredentials()); }),
        channel_(dial_()),
        stub_(v1::Federation::NewStub(channel_)),
        bulk_(channel_),
        board_(std::move(on_progress)) {}

  WorkPlace Get() {
    return {.stub = stub_.get(),
            .bulk = &bulk_,
            .dial = &dial_,
            .store = &store_,
            .residuals = &residuals_,
            .method_states = &method_states_,
            .gate = &gate_,
            .board = &board_,
            .log = log_,
            .client = "site-1",
            .samples = 77,
            .threads = 1,
            .timings = ShortTimings()};
  }

  WorkGate* gate() { return &gate_; }
  ProgressBoard* board() { return &board_; }
  UpdateStore* store() { return &store_; }
  const std::string& folder() const { return scratch_.path(); }
  // All lines of the log.
  std::string said() const { return said_.str(); }

 private:
  const ScratchFolder scratch_;
  std::ostringstream said_;
  const std::shared_ptr<spdlog::logger> log_ = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_));
  const Dial dial_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Federation::Stub> stub_;
  grpc::GenericStub bulk_;
  UpdateStore store_{scratch_.path(), log_};
  ResidualStore residuals_{scratch_ / "residuals", log_};
  RoundStateStore method_states_{scratch_ / "method_state"};
  WorkGate gate_;
  ProgressBoard board_;
};

}  // namespace tributary
