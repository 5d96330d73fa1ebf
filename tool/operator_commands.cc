#include "tool/operator_commands.h"

#include <iostream>

#include <CLI/CLI.hpp>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/base/terminal.h"
#include "server/round/metrics_in_words.h"
#include "tool/run/run_view.h"
#include "tool/run/screen.h"
#include "tool/watch_screen.h"

namespace tributary {
namespace {

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(message, &json, options);
  return json;
}

nlohmann::json ToJson(const google::protobuf::Struct& fields) {
  return nlohmann::json::parse(ToJsonLine(fields), nullptr, /*allow_exceptions=*/false);
}

std::string InWords(const v1::OperatorMark& mark) {
  return absl::StrCat("by ", mark.by(), " since ", mark.time(), mark.reason().empty() ? "" : ": ",
                      mark.reason());
}

std::string StatusTable(const v1::RunStatus& status) {
  std::string table = absl::StrFormat(
      "run %s (%s), method %s\nround %d of %d: %s%s%s\nbytes up %s, down %s\n", status.run_name(),
      status.run_id(), status.method(), status.round(), status.rounds(), status.phase(),
      status.waiting().empty() ? "" : ", ", status.waiting(), FormatBytes(status.bytes_up()),
      FormatBytes(status.bytes_down()));
  if (status.seconds_left() > 0) {
    absl::StrAppend(&table, "about ", DurationInShort(status.seconds_left()), " left\n");
  }
  if (const std::string loss = LossesInShort(ToJson(status.loss())); !loss.empty()) {
    absl::StrAppend(&table, "loss ", loss, "\n");
  }
  if (const std::string tasks = MetricsInShort(ToJson(status.tasks())); !tasks.empty()) {
    absl::StrAppend(&table, tasks, "\n");
  }
  if (status.has_paused()) absl::StrAppend(&table, "paused ", InWords(status.paused()), "\n");
  for (const v1::OperatorMark& evicted : status.evicted()) {
    absl::StrAppend(&table, evicted.client(), " is evicted ", InWords(evicted), "\n");
  }
  absl::StrAppendFormat(&table, "  %-24s %-18s %-6s %8s  %-10s %-8s %s\n", "client", "dataset",
                        "kind", "samples", "state", "device", "heard");
  for (const v1::ClientStatus& client : status.clients()) {
    absl::StrAppendFormat(&table, "  %-24s %-18s %-6s %8d  %-10s %-8s %.1f s ago\n",
                          client.client(), client.dataset(), client.modality(), client.samples(),
                          client.state(), client.device(),
                          static_cast<double>(client.last_heard_ms()) / 1000);
  }
  return table;
}

}  // namespace

void AddOperatorFlags(CLI::App* app, OperatorCommand* command) {
  OperatorAddress& address = command->address;
  app->add_option("--server", address.server, "HOST:PORT of the coordinator")
      ->envname("TRIBUTARY_SERVER")
      ->capture_default_str();
  app->add_option("--tls-cert", address.tls.certificate, "operator's certificate (PEM)")
      ->envname("TRIBUTARY_TLS_CERT");
  app->add_option("--tls-key", address.tls.key, "its key")->envname("TRIBUTARY_TLS_KEY");
  app->add_option("--tls-ca", address.tls.authority, "authority's certificate")
      ->envname("TRIBUTARY_TLS_CA");
  app->add_flag("--insecure", address.tls.insecure, "plain text to another machine")
      ->envname("TRIBUTARY_INSECURE");
  app->add_flag("--json", command->json, "print JSON lines")->envname("TRIBUTARY_JSON");
}

absl::Status RunStatusCommand(const OperatorCommand& command) {
  ASSIGN_OR_RETURN(OperatorClient client, OperatorClient::Dial(command.address));
  ASSIGN_OR_RETURN(const v1::RunStatus status, client.GetStatus());
  std::cout << (command.json ? ToJsonLine(status) + "\n" : StatusTable(status)) << std::flush;
  return absl::OkStatus();
}

void AddWatchFlags(CLI::App* app, OperatorCommand* command) {
  AddOperatorFlags(app, command);
  app->add_option("--since", command->since,
                  "also events before the coordinator's last start: 2h, 2026-01-31, all");
}

absl::StatusOr<absl::Time> ParseSince(const std::string& text, absl::Time now) {
  if (text == "all") return absl::FromUnixMillis(1);
  if (absl::Duration back; absl::ParseDuration(text, &back) && back >= absl::ZeroDuration()) {
    return now - back;
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  for (const char* format : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, absl::LocalTimeZone(), &time, &error)) return time;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--since: found \"", text,
                   "\", expected a time back (90m, 2h), a date (2026-01-31, 2026-01-31 14:02, "
                   "2026-01-31T14:02:07Z) or all"));
}

absl::Status RunWatchCommand(const OperatorCommand& command) {
  v1::WatchRequest request;
  if (!command.since.empty()) {
    ASSIGN_OR_RETURN(const absl::Time since, ParseSince(command.since, absl::Now()));
    request.set_since_unix_ms(absl::ToUnixMillis(since));
  }
  ASSIGN_OR_RETURN(OperatorClient client, OperatorClient::Dial(command.address));
  Screen screen(!command.json && CanRepaint(STDOUT_FILENO));
  WatchScreen view;
  const absl::Status status = client.Watch(request, [&](const v1::Event& event) {
    if (command.json) {
      std::cout << ToJsonLine(event) << std::endl;
    } else if (screen.terminal()) {
      const nlohmann::json json = nlohmann::json::parse(ToJsonLine(event), nullptr, false);
      view.Take({{"kind", event.kind()},
                 {"message", event.message()},
                 {"unix_ms", event.unix_ms()},
                 {"data", json.value("data", nlohmann::json::object())}});
      screen.Paint(view.Lines(absl::Now(), Screen::MostLines()));
    } else if (event.kind() != "progress") {  // comes several times a second
      std::cout << DatedLine(absl::FromUnixMillis(event.unix_ms()), event.message()) << std::endl;
    }
  });
  screen.Release();
  return status;
}

}  // namespace tributary
