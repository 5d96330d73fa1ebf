// A daemon on a thread of its own, without a log and with little patience.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>

#include "client/daemon/daemon.h"
#include "common/rpc/channel.h"

namespace tributary {

inline Timings ShortTimings() {
  Timings timings;
  timings.progress = absl::Milliseconds(10);
  timings.settled = absl::ZeroDuration();
  timings.dial = {.first = absl::Milliseconds(10), .most = absl::Milliseconds(100)};
  timings.retry = timings.dial;
  timings.next_run = absl::Milliseconds(10);
  timings.refused = absl::Milliseconds(10);
  return timings;
}

inline std::shared_ptr<spdlog::logger> NoLog() {
  return std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
}

// A daemon on its own thread.
class RunningDaemon {
 public:
  RunningDaemon(const std::string& address, const std::string& state, TrainerFactory factory,
                const Timings& timings = ShortTimings(),
                std::shared_ptr<spdlog::logger> log = NoLog(), bool stay = false)
      : folder_(StateFolder::Open(state).value()) {
    DaemonSetting setting;
    setting.address = address;
    setting.stay = stay;
    setting.timings = timings;
    setting.log = std::move(log);
    setting.card.name = "site-1";
    setting.card.modality = Modality::kImage;
    setting.card.data.set_dataset("icons");
    setting.card.data.set_samples(77);
    setting.card.device = "cpu";
    setting.card.vocabulary = "v";
    const ChannelOptions quick{.first_backoff = absl::Milliseconds(100),
                               .most_backoff = absl::Milliseconds(200)};
    daemon_ = std::make_unique<Daemon>(
        setting,
        [address, quick] {
          return MakeChannel(address, grpc::InsecureChannelCredentials(), quick);
        },
        std::move(factory), &folder_);
    result_ = std::async(std::launch::async, [this] { return daemon_->Run(); });
  }
  ~RunningDaemon() {
    daemon_->Stop();
    if (result_.valid()) result_.wait();
  }
  void Stop() { daemon_->Stop(); }
  absl::Status Await() { return result_.get(); }

 private:
  StateFolder folder_;
  std::unique_ptr<Daemon> daemon_;
  std::future<absl::Status> result_;
};

}  // namespace tributary
