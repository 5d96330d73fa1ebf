#include "common/base/report.h"

#include <cstdio>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/status.h"

namespace tributary {

int ReportEnd(absl::string_view program, const absl::Status& status, bool json) {
  if (status.ok()) return kExitDone;
  const std::string message(status.message());
  if (json) {
    // A message may quote bytes of a file or a peer that are no UTF-8, on which dump() would throw.
    std::cout << nlohmann::json({{"kind", "error"}, {"message", message}})
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
  }
  std::fprintf(stderr, "%s: %s\n", std::string(program).c_str(), message.c_str());
  return ExitCodeFor(status);
}

}  // namespace tributary
