#include "common/base/host_port.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr int kMostPort = 65535;

bool IsHost(absl::string_view host) {
  if (host.empty()) return false;
  const bool printable = std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '/';
  });
  if (!printable) return false;
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  return bracketed || host.find_first_of(":[]") == absl::string_view::npos;
}

}  // namespace

absl::Status CheckHostPort(absl::string_view address, int least_port) {
  const size_t colon = address.rfind(':');
  if (colon != absl::string_view::npos && IsHost(address.substr(0, colon))) {
    const absl::string_view digits = address.substr(colon + 1);
    const bool only_digits = std::all_of(digits.begin(), digits.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    int port = 0;
    if (only_digits && absl::SimpleAtoi(digits, &port) && port >= least_port && port <= kMostPort) {
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", address, "\" is not HOST:PORT with a port from ", least_port, " to ", kMostPort));
}

}  // namespace tributary
