#include "common/base/stop_signal.h"

#include <csignal>
#include <ctime>
#include <utility>

namespace tributary {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

void BlockStopSignals() {
  // Threads inherit the mask. A signal that every thread blocks stays pending until sigtimedwait()
  // takes it, so that no handler runs and nothing has to be safe in one.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

StopSignal::StopSignal(std::function<void(const std::string&)> on_stop)
    : thread_([on_stop = std::move(on_stop)](const std::stop_token& stop) {
        const sigset_t signals = StopSignals();
        // A tenth of a second at most passes between a request to end and the end of the thread:
        // sigtimedwait() cannot wait for a stop token as well.
        const timespec wait = {.tv_sec = 0, .tv_nsec = 100'000'000};
        while (!stop.stop_requested()) {
          const int signal = sigtimedwait(&signals, nullptr, &wait);
          if (signal <= 0) continue;
          on_stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
          return;
        }
      }) {}

}  // namespace tributary
