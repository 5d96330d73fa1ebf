#include "tool/operator_actions.h"

#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

struct ActionSpec {
  const char* word;
  const char* help;
  bool reason;
  // Does it; returns what has come of it, in words.
  std::function<absl::StatusOr<std::string>(OperatorClient*, const OperatorAction&)> act;
};

absl::StatusOr<std::string> Pause(OperatorClient* client, const OperatorAction& action) {
  RETURN_IF_ERROR(client->Pause(action.reason));
  return std::string("paused: the round in progress is finished, and none begins until `resume`");
}

absl::StatusOr<std::string> Resume(OperatorClient* client, const OperatorAction&) {
  RETURN_IF_ERROR(client->Resume());
  return std::string("the run goes on");
}

absl::StatusOr<std::string> Stop(OperatorClient* client, const OperatorAction& action) {
  RETURN_IF_ERROR(client->Stop(action.reason));
  return std::string("the coordinator stops; started again, it goes on after the last commit");
}

absl::StatusOr<std::string> Evict(OperatorClient* client, const OperatorAction& action) {
  RETURN_IF_ERROR(client->Evict(action.client, action.reason));
  return absl::StrCat(action.client, " is evicted, and refused until `forgive`");
}

absl::StatusOr<std::string> Forgive(OperatorClient* client, const OperatorAction& action) {
  RETURN_IF_ERROR(client->Forgive(action.client));
  return absl::StrCat(action.client, " may attend again; one that stays (--stay) comes by itself");
}

absl::StatusOr<std::string> Set(OperatorClient* client, const OperatorAction& action) {
  ASSIGN_OR_RETURN(const uint32_t rounds, ParseRounds(action.assignment));
  RETURN_IF_ERROR(client->SetRounds(rounds));
  return absl::StrCat("the run has ", rounds, " rounds now");
}

const ActionSpec kActions[] = {
    {"pause", "finish the round in progress and begin no other", true, Pause},
    {"resume", "let a paused run go on", false, Resume},
    {"stop", "stop the coordinator at its last commit", true, Stop},
    {"evict", "end a client's part in the run and refuse it", true, Evict},
    {"forgive", "let an evicted client attend again", false, Forgive},
    {"set", "change a running run's number of rounds: rounds=N", false, Set},
};

}  // namespace

absl::StatusOr<uint32_t> ParseRounds(const std::string& assignment) {
  absl::string_view number = assignment;
  uint32_t rounds = 0;
  if (absl::ConsumePrefix(&number, "rounds=") && absl::SimpleAtoi(number, &rounds) && rounds > 0) {
    return rounds;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("set: found \"", assignment,
                   "\", expected rounds=N with N from 1, such as rounds=40; other "
                   "settings need another run"));
}

void AddOperatorActions(CLI::App* app, OperatorAction* action) {
  for (const ActionSpec& spec : kActions) {
    CLI::App* sub = app->add_subcommand(spec.word, spec.help);
    AddOperatorFlags(sub, &action->command);
    const std::string word = spec.word;
    if (spec.reason) {
      sub->add_option("--reason", action->reason, "why, for status and the event log");
    }
    if (word == "evict" || word == "forgive") {
      sub->add_option("client", action->client, "the client's name")->required();
    }
    if (word == "set") {
      sub->add_option("assignment", action->assignment, "rounds=N")->required();
    }
  }
}

std::optional<absl::Status> RunOperatorAction(const CLI::App& app, const OperatorAction& action) {
  for (const ActionSpec& spec : kActions) {
    if (!app.got_subcommand(spec.word)) continue;
    absl::StatusOr<OperatorClient> client = OperatorClient::Dial(action.command.address);
    if (!client.ok()) return client.status();
    const absl::StatusOr<std::string> done = spec.act(&*client, action);
    if (!done.ok()) return done.status();
    std::cout << (action.command.json ? nlohmann::json({{"message", *done}}).dump() : *done)
              << std::endl;
    return absl::OkStatus();
  }
  return std::nullopt;
}

}  // namespace tributary
