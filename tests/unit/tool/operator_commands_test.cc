#include "tool/operator_commands.h"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FakeOperator final : public v1::Operator::Service {
 public:
  grpc::Status GetStatus(grpc::ServerContext*, const v1::StatusRequest*,
                         v1::RunStatus* status) override {
    status->set_run_name("tiny");
    status->set_method("fedcola");
    status->set_round(3);
    status->set_rounds(9);
    status->set_phase("training");
    status->set_waiting(waiting);
    status->set_bytes_up(2'500'000);
    v1::ClientStatus* client = status->add_clients();
    client->set_client("words-00");
    client->set_samples(41);
    client->set_state("training");
    client->set_last_heard_ms(1500);
    if (!operated) return grpc::Status::OK;
    status->mutable_paused()->set_by("alice");
    status->mutable_paused()->set_time("2026-01-31T14:02:07Z");
    status->mutable_paused()->set_reason("lunch");
    v1::OperatorMark* evicted = status->add_evicted();
    evicted->set_client("words-09");
    evicted->set_by("bob");
    status->set_seconds_left(90);
    (*status->mutable_loss()->mutable_fields())["words"].set_number_value(0.5);
    auto* task = (*status->mutable_tasks()->mutable_fields())["words"].mutable_struct_value();
    (*task->mutable_fields())["kind"].set_string_value("classification");
    (*task->mutable_fields())["accuracy"].set_number_value(61);
    return grpc::Status::OK;
  }
  grpc::Status WatchEvents(grpc::ServerContext*, const v1::WatchRequest* request,
                           grpc::ServerWriter<v1::Event>* writer) override {
    EXPECT_EQ(request->first_sequence(), 0U);
    for (const char* kind : {"run_started", "progress", "run_finished"}) {
      v1::Event event;
      event.set_kind(kind);
      event.set_message(absl::StrCat("message of ", kind));
      writer->Write(event);
    }
    return end;
  }
  std::string waiting = "for 1 of 2 clients";
  bool operated = false;  // status tells of a pause, an eviction and metrics
  grpc::Status end;
};

class OperatorCommandsTest : public testing::Test {
 protected:
  OperatorCommandsTest() {
    int port = 0;
    server_ = grpc::ServerBuilder()
                  .AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port)
                  .RegisterService(&service_)
                  .BuildAndStart();
    command_.address.server = absl::StrCat("127.0.0.1:", port);
  }
  std::string Printed(absl::Status (*run)(const OperatorCommand&)) {
    testing::internal::CaptureStdout();
    status_ = run(command_);
    return testing::internal::GetCapturedStdout();
  }

  FakeOperator service_;
  std::unique_ptr<grpc::Server> server_;
  OperatorCommand command_;
  absl::Status status_;
};

TEST_F(OperatorCommandsTest, StatusIsATableWithALineForEachClient) {
  const std::string table = Printed(RunStatusCommand);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(table, AllOf(HasSubstr("run tiny"), HasSubstr("method fedcola"),
                           HasSubstr("round 3 of 9: training, for 1 of 2 clients\n"),
                           HasSubstr("up 2.5 MB"), HasSubstr("words-00"), HasSubstr("41"),
                           HasSubstr("1.5 s ago")));
}

TEST_F(OperatorCommandsTest, ARunThatWaitsForNothingSaysNothingOfIt) {
  service_.waiting = "";
  EXPECT_THAT(Printed(RunStatusCommand), HasSubstr("round 3 of 9: training\n"));
}

TEST_F(OperatorCommandsTest, StatusIsOneJsonObjectOnRequest) {
  command_.json = true;
  const std::string line = Printed(RunStatusCommand);
  const auto json = nlohmann::json::parse(line, nullptr, false);
  ASSERT_TRUE(json.is_object()) << line;
  EXPECT_EQ(json.at("run_name"), "tiny");
  EXPECT_EQ(json.at("clients").at(0).at("client"), "words-00");
  EXPECT_TRUE(json.contains("bytes_down")) << "fields of value 0 are there too";
}

TEST_F(OperatorCommandsTest, WatchingShowsEventsButNotEachStep) {
  const std::string lines = Printed(RunWatchCommand);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(lines, AllOf(HasSubstr("message of run_started\n"),
                           HasSubstr("message of run_finished\n"), Not(HasSubstr("progress"))));
}

TEST_F(OperatorCommandsTest, WatchingAsJsonShowsAllEvents) {
  command_.json = true;
  std::vector<std::string> kinds;
  for (const auto line : absl::StrSplit(Printed(RunWatchCommand), '\n', absl::SkipEmpty())) {
    kinds.push_back(nlohmann::json::parse(line.begin(), line.end()).at("kind"));
  }
  EXPECT_THAT(kinds, testing::ElementsAre("run_started", "progress", "run_finished"));
}

TEST_F(OperatorCommandsTest, AStreamThatBreaksIsAnError) {
  service_.end = {grpc::StatusCode::PERMISSION_DENIED, "not an operator"};
  EXPECT_THAT(Printed(RunWatchCommand), HasSubstr("message of run_finished"));
  EXPECT_TRUE(absl::IsPermissionDenied(status_)) << status_;
}

TEST_F(OperatorCommandsTest, StatusTellsWhatAnOperatorHasDoneAndHowTheRunIsDoing) {
  service_.operated = true;
  const std::string table = Printed(RunStatusCommand);
  EXPECT_THAT(table, AllOf(HasSubstr("paused by alice since 2026-01-31T14:02:07Z: lunch\n"),
                           HasSubstr("words-09 is evicted by bob"), HasSubstr("about 1:30 left"),
                           HasSubstr("loss words 0.500\n"), HasSubstr("words 61.0 %")));
}

TEST(ParseSinceTest, TakesTimesBackDatesAndAll) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  EXPECT_EQ(*ParseSince("2h", now), now - absl::Hours(2));
  EXPECT_EQ(*ParseSince("90m", now), now - absl::Minutes(90));
  EXPECT_EQ(*ParseSince("2026-01-31T14:02:07Z", now), absl::FromUnixSeconds(1'769'868'127));
  EXPECT_EQ(*ParseSince("2026-01-31", now),
            absl::FromCivil(absl::CivilDay(2026, 1, 31), absl::LocalTimeZone()));
  EXPECT_EQ(*ParseSince("2026-01-31 14:02", now),
            absl::FromCivil(absl::CivilMinute(2026, 1, 31, 14, 2), absl::LocalTimeZone()));
  EXPECT_EQ(*ParseSince("all", now), absl::FromUnixMillis(1));
  for (const char* wrong : {"", "yesterday", "-2h", "2026-13-01", "7"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseSince(wrong, now).status())) << wrong;
  }
}

TEST_F(OperatorCommandsTest, FlagsReachTheCommand) {
  CLI::App app;
  OperatorCommand command;
  AddOperatorFlags(&app, &command);
  app.parse("--server example.org:1 --tls-cert c --tls-key k --tls-ca a --insecure --json");
  EXPECT_EQ(command.address.server, "example.org:1");
  EXPECT_EQ(command.address.tls.certificate, "c");
  EXPECT_EQ(command.address.tls.key, "k");
  EXPECT_EQ(command.address.tls.authority, "a");
  EXPECT_TRUE(command.address.tls.insecure);
  EXPECT_TRUE(command.json);
}

}  // namespace
}  // namespace tributary
