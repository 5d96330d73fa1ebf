#include "client/daemon/log.h"

#include <memory>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "common/base/rfc3339.h"
#include "common/rpc/proxy.h"

namespace tributary {
namespace {

class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const auto level = spdlog::level::to_string_view(message.level);
    const nlohmann::json json{
        {"time", Rfc3339(absl::FromChrono(message.time))},
        {"level", std::string(level.data(), level.size())},
        {"client", std::string(message.logger_name.data(), message.logger_name.size())},
        {"message", std::string(message.payload.data(), message.payload.size())}};
    // Text from a peer may not be UTF-8, on which dump() would throw; bad bytes are replaced.
    const std::string text =
        json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    line.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

}  // namespace

std::shared_ptr<spdlog::logger> MakeLog(const std::string& client, bool json) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (json) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    // NO_COLOR (no-color.org) is heard; terminals without colours spdlog finds by itself.
    const bool no_color = !ProcessEnvironment("NO_COLOR").empty();
    sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(
        no_color ? spdlog::color_mode::never : spdlog::color_mode::automatic);
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %n: %v");
  }
  auto log = std::make_shared<spdlog::logger>(client, std::move(sink));
  log->set_level(spdlog::level::info);
  log->flush_on(spdlog::level::trace);  // every line: whoever follows the log sees it at once
  return log;
}

}  // namespace tributary
