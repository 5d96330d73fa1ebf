#include "tool/operator_commands.h"

#include <iostream>

#include <CLI/CLI.hpp>
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "tool/run/run_view.h"

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

std::string StatusTable(const v1::RunStatus& status) {
  std::string table = absl::StrFormat(
      "run %s (%s), method %s\nround %d of %d: %s%s%s\nbytes up %s, down %s\n", status.run_name(),
      status.run_id(), status.method(), status.round(), status.rounds(), status.phase(),
      status.waiting().empty() ? "" : ", ", status.waiting(), FormatBytes(status.bytes_up()),
      FormatBytes(status.bytes_down()));
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
      ->capture_default_str();
  app->add_option("--tls-cert", address.tls.certificate, "operator's certificate (PEM)");
  app->add_option("--tls-key", address.tls.key, "its key");
  app->add_option("--tls-ca", address.tls.authority, "authority's certificate");
  app->add_flag("--insecure", address.tls.insecure, "plain text to another machine");
  app->add_flag("--json", command->json, "print JSON lines");
}

absl::Status RunStatusCommand(const OperatorCommand& command) {
  ASSIGN_OR_RETURN(OperatorClient client, OperatorClient::Dial(command.address));
  ASSIGN_OR_RETURN(const v1::RunStatus status, client.GetStatus());
  std::cout << (command.json ? ToJsonLine(status) + "\n" : StatusTable(status)) << std::flush;
  return absl::OkStatus();
}

absl::Status RunWatchCommand(const OperatorCommand& command) {
  ASSIGN_OR_RETURN(OperatorClient client, OperatorClient::Dial(command.address));
  return client.Watch(0, [&](const v1::Event& event) {
    if (command.json) {
      std::cout << ToJsonLine(event) << std::endl;
    } else if (event.kind() != "progress") {  // comes several times a second
      std::cout << absl::FormatTime("%H:%M:%S ", absl::FromUnixMillis(event.unix_ms()),
                                    absl::LocalTimeZone())
                << event.message() << std::endl;
    }
  });
}

}  // namespace tributary
