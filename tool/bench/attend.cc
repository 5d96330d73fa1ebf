// `tributary bench attend`: many clients in one process.
#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/hash.h"
#include "common/base/parallel.h"
#include "common/base/process_limits.h"
#include "common/base/status_macros.h"
#include "common/base/stop_signal.h"
#include "common/base/version.h"
#include "common/config/choices.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"
#include "server/service/workers.h"
#include "tool/bench/bench_command.h"
#include "tool/bench/load_client.h"

namespace tributary {
namespace {

constexpr absl::Duration kReport = absl::Seconds(1);
// Least time between two looks at whose heartbeat is due.
constexpr absl::Duration kLook = absl::Milliseconds(20);
constexpr uint64_t kSamples = 100;

absl::StatusOr<v1::Join> JoinOf(const BenchCommand& command) {
  v1::Join join;
  join.set_protocol(kProtocolVersion);
  join.set_software_version(kSoftwareVersion);
  join.set_device("none");
  v1::DataCard* data = join.mutable_data();
  data->set_dataset(command.dataset);
  for (const Choice<Modality>& choice : kModalities) {
    if (choice.word == command.modality) data->set_modality(ModalityToProto(choice.value));
  }
  data->set_samples(kSamples);
  data->set_classes(command.classes);
  data->set_image_size(command.image_size);
  data->set_image_channels(command.channels);
  data->set_digest("none");
  if (!command.vocabulary.empty()) {
    ASSIGN_OR_RETURN(*join.mutable_vocabulary(), Sha256OfFile(command.vocabulary));
  }
  for (const Codec codec : kCodecs) join.add_codecs(CodecToProto(codec));
  return join;
}

// The clients ordered by the time of their next heartbeat. Of thousands only a few are due at a
// time.
class Heartbeats {
 public:
  explicit Heartbeats(const std::vector<std::unique_ptr<LoadClient>>& clients) {
    for (const auto& client : clients) due_.emplace(absl::InfinitePast(), client.get());
  }

  // Sends those that are due. Returns when the next one is.
  absl::Time Beat(absl::Time now) {
    while (!due_.empty() && due_.top().first <= now) {
      LoadClient* const client = due_.top().second;
      due_.pop();
      const absl::Time next = client->Beat(now);
      due_.emplace(next == absl::InfiniteFuture() ? now + kLook : next, client);  // no welcome yet
    }
    return due_.empty() ? absl::InfiniteFuture() : due_.top().first;
  }

 private:
  using Due = std::pair<absl::Time, LoadClient*>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

void Report(const BenchCommand& command, const LoadCounters& counters, const char* kind) {
  const double late = static_cast<double>(counters.latest_heartbeat_us) / 1e6;
  if (command.json) {
    std::cout << nlohmann::json({{"kind", kind},
                                 {"clients", command.size.clients},
                                 {"attending", counters.attending.load()},
                                 {"refused", counters.refused.load()},
                                 {"lost", counters.lost.load()},
                                 {"updates", counters.updates.load()},
                                 {"failures", counters.failures.load()},
                                 {"heartbeats", counters.heartbeats.load()},
                                 {"latest_heartbeat_seconds", late}})
                     .dump()
              << std::endl;
    return;
  }
  std::cout << absl::StrFormat(
                   "%d of %d attend, %d updates accepted, %d heartbeats, the latest %.3f s late\n",
                   counters.attending.load(), command.size.clients, counters.updates.load(),
                   counters.heartbeats.load(), late)
            << std::flush;
}

}  // namespace

absl::Status RunAttend(const BenchCommand& command) {
  BlockStopSignals();
  RaiseFileLimit();
  BoundAllocator();
  SkipDeadlockDetection();
  ASSIGN_OR_RETURN(const auto credentials, MakeChannelCredentials({.certificate = command.tls_cert,
                                                                   .key = command.tls_key,
                                                                   .authority = command.tls_ca,
                                                                   .insecure = command.insecure},
                                                                  command.server));
  ASSIGN_OR_RETURN(v1::Join join, JoinOf(command));
  LoadCounters counters;
  UpdateMaker maker(Checksum(command.prefix));
  SharedWelcome welcomes;
  absl::Notification stopped;
  const StopSignal stop([&](const std::string&) { stopped.Notify(); });
  WorkerPool workers(command.threads > 0 ? command.threads : CoreCount());
  const Dial dial = [&] { return MakeChannel(command.server, credentials); };
  std::vector<std::unique_ptr<LoadClient>> clients;
  for (int i = 0; i < command.size.clients; ++i) {
    join.set_client(absl::StrFormat("%s-%05d", command.prefix, i));
    clients.push_back(std::make_unique<LoadClient>(
        dial, command.size.clients > 1, join,
        [&](std::function<void()> job) { workers.Add(std::move(job)); }, &maker, &welcomes,
        &counters));
  }
  Heartbeats heartbeats(clients);
  const absl::Time end =
      command.seconds > 0 ? absl::Now() + absl::Seconds(command.seconds) : absl::InfiniteFuture();
  absl::Time report = absl::Now() + kReport;
  bool over = false;
  while (!over && absl::Now() < end) {
    const absl::Time now = absl::Now();
    const absl::Time next = std::min({report, end, heartbeats.Beat(now)});
    over = stopped.WaitForNotificationWithTimeout(std::max(next - absl::Now(), kLook)) ||
           counters.finished + counters.refused + counters.lost >= command.size.clients;
    if (absl::Now() >= report) {
      Report(command, counters, "progress");
      report += kReport;
    }
  }
  clients.clear();
  Report(command, counters, "finished");
  if (counters.refused > 0 || counters.lost > 0) {
    return absl::UnavailableError(absl::StrCat(counters.refused.load(), " clients were refused, ",
                                               counters.lost.load(), " lost their connection"));
  }
  return absl::OkStatus();
}

}  // namespace tributary
