// What is found out before the first client may join, and how a run is stopped. Whole runs are the
// integration tests'.
#include "server/serve.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/stop_signal.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class ServeTest : public testing::Test {
 protected:
  ServeTest() {
    pthread_sigmask(SIG_BLOCK, nullptr, &mask_);
    BlockStopSignals();
    config_.server.listen = "127.0.0.1:0";
  }
  ~ServeTest() override { pthread_sigmask(SIG_SETMASK, &mask_, nullptr); }

  ServePlan Plan() {
    ServePlan plan;
    plan.context = TinyContext(config_);
    plan.hooks = &hooks_;
    plan.state = state_;
    plan.json = true;
    plan.make_initial = [this](const RunContext& context) -> absl::StatusOr<InitialModels> {
      ++initial_calls_;
      if (!initial_status_.ok()) return initial_status_;
      return InitialModels{.globals = TinyGlobals(context), .notes = {}};
    };
    plan.make_evaluate = [this](const RunContext&) -> absl::StatusOr<EvaluateGlobals> {
      if (!evaluate_status_.ok()) return evaluate_status_;
      return EvaluateGlobals([](const auto&) { return std::map<std::string, TaskMetrics>(); });
    };
    return plan;
  }
  // Serves until it fails.
  absl::Status Fail() {
    testing::internal::CaptureStdout();
    const absl::Status status = Serve(Plan());
    testing::internal::GetCapturedStdout();
    return status;
  }
  // The kinds of all events in the folder's log, and the events themselves.
  std::vector<std::string> Kinds() const {
    std::vector<std::string> kinds;
    for (const nlohmann::json& event : Events()) kinds.push_back(event["kind"].get<std::string>());
    return kinds;
  }
  std::vector<nlohmann::json> Events() const {
    std::vector<nlohmann::json> events;
    std::ifstream file(state_ + "/events.jsonl");
    for (std::string line; std::getline(file, line);) {
      const auto event = nlohmann::json::parse(line, nullptr, false);
      if (event.is_object()) events.push_back(event);
    }
    return events;
  }
  // The data of the first event of this kind, which is waited for.
  nlohmann::json AwaitEvent(const std::string& kind) const {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (absl::Now() < deadline) {
      for (const nlohmann::json& event : Events()) {
        if (event["kind"] == kind) return event["data"];
      }
      std::this_thread::yield();
    }
    ADD_FAILURE() << "no event " << kind;
    return {};
  }
  // Serves until the address is told, and stops it with `signal`.
  absl::Status ServeAndStop(int signal) {
    testing::internal::CaptureStdout();
    auto result = std::async(std::launch::async, [this] { return Serve(Plan()); });
    AwaitEvent("run_started");
    kill(getpid(), signal);
    const absl::Status status = result.get();
    out_ = testing::internal::GetCapturedStdout();
    return status;
  }

  sigset_t mask_;
  const ScratchFolder scratch_;
  const std::string state_ = scratch_ / "state";
  const MethodHooks hooks_{};
  RunConfig config_ = TinyConfig();
  absl::Status initial_status_, evaluate_status_;
  int initial_calls_ = 0;
  std::string out_;
};

TEST_F(ServeTest, AStopIsNoFailureAndTheLastEvent) {
  const absl::Status status = ServeAndStop(SIGTERM);
  EXPECT_TRUE(status.ok()) << status;
  const std::vector<nlohmann::json> events = Events();
  EXPECT_EQ(events.back()["kind"], "run_stopped");
  EXPECT_THAT(events.back()["message"].get<std::string>(), HasSubstr("SIGTERM"));
}

TEST_F(ServeTest, EventsArePrintedAsTheyAreKept) {
  ASSERT_TRUE(ServeAndStop(SIGINT).ok());
  std::vector<std::string> printed;
  std::istringstream lines(out_);
  for (std::string line; std::getline(lines, line);) {
    const auto kind = nlohmann::json::parse(line)["kind"].get<std::string>();
    if (kind != "progress") printed.push_back(kind);  // live only
  }
  EXPECT_EQ(printed, Kinds());
}

TEST_F(ServeTest, AnyFreePortIsTakenAndTold) {
  ASSERT_TRUE(ServeAndStop(SIGTERM).ok());
  const auto address = AwaitEvent("listening")["address"].get<std::string>();
  EXPECT_THAT(address, testing::StartsWith("127.0.0.1:"));
  EXPECT_NE(address, "127.0.0.1:0");
}

TEST_F(ServeTest, AStateFolderIsGoneOnWithUnderItsRunsName) {
  ASSERT_TRUE(ServeAndStop(SIGTERM).ok());
  const auto run = AwaitEvent("run_started")["run_id"].get<std::string>();
  EXPECT_EQ(run.size(), 16u);
  std::filesystem::remove(state_ + "/events.jsonl");
  ASSERT_TRUE(ServeAndStop(SIGTERM).ok());
  EXPECT_EQ(AwaitEvent("run_started")["run_id"], run);
}

TEST_F(ServeTest, AnotherRunsStateFolderIsRefused) {
  ASSERT_TRUE(ServeAndStop(SIGTERM).ok());
  config_.local.epochs = 9;
  const absl::Status status = Fail();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("belongs to another run"));
}

TEST_F(ServeTest, AFolderInUseIsRefused) {
  const auto store = RunStore::Open(state_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(Fail().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(initial_calls_, 0);
}

TEST_F(ServeTest, ModelsAndEvaluationAreMadeBeforeAnyoneMayJoin) {
  initial_status_ = absl::NotFoundError("init.image: no such file");
  EXPECT_EQ(Fail(), initial_status_);
  initial_status_ = absl::OkStatus();
  evaluate_status_ = absl::DataLossError("dataset words: block 3");
  EXPECT_EQ(Fail(), evaluate_status_);
  EXPECT_FALSE(std::filesystem::exists(state_ + "/events.jsonl")) << "nobody was told of a run";
}

TEST_F(ServeTest, PlainTextBeyondTheLoopbackIsRefused) {
  config_.server.listen = "0.0.0.0:0";
  const absl::Status status = Fail();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("0.0.0.0"));
}

TEST_F(ServeTest, AnAddressOfAnotherMachineIsRefused) {
  config_.server.listen = "192.0.2.1:7700";  // RFC 5737: for documentation
  config_.server.tls.insecure = true;
  const absl::Status status = Fail();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot listen on 192.0.2.1:7700"));
}

TEST_F(ServeTest, APortInUseIsRefused) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  grpc::AsyncGenericService service;
  builder.RegisterAsyncGenericService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto other = builder.BuildAndStart();
  ASSERT_NE(other, nullptr);
  config_.server.listen = absl::StrCat("127.0.0.1:", port);
  EXPECT_EQ(Fail().code(), absl::StatusCode::kFailedPrecondition);
  other->Shutdown();
  queue->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) {
  }
}

}  // namespace
}  // namespace tributary
