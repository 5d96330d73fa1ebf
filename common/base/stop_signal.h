// SIGTERM and SIGINT as a function call on an ordinary thread.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace tributary {

// Blocks the signals for this thread and all that it starts from now on. Call it first in main().
void BlockStopSignals();

// Waits for a stop signal on a thread of its own and calls `on_stop` with its name, at most once.
// Ends with the object.
class StopSignal {
 public:
  explicit StopSignal(std::function<void(const std::string&)> on_stop);
  ~StopSignal() = default;

 private:
  std::jthread thread_;
};

}  // namespace tributary
