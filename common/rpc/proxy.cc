#include "common/rpc/proxy.h"

#include <array>
#include <cstdlib>
#include <vector>

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/rpc/credentials.h"

namespace tributary {
namespace {

// An address of IPv4 or IPv6 as its bytes, 4 or 16; empty if `text` is none.
std::vector<unsigned char> BytesOf(absl::string_view text) {
  const std::string host(text);
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1)
    return {bytes.begin(), bytes.begin() + 4};
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return {bytes.begin(), bytes.end()};
  return {};
}

// The host of HOST:PORT, without the brackets of IPv6.
absl::string_view HostOf(absl::string_view address) {
  absl::string_view host = address.substr(0, address.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return host;
}

bool SameBits(const std::vector<unsigned char>& a, const std::vector<unsigned char>& b, int bits) {
  for (size_t i = 0; bits > 0; ++i, bits -= 8) {
    const int shift = bits >= 8 ? 0 : 8 - bits;
    if ((a[i] >> shift) != (b[i] >> shift)) return false;
  }
  return true;
}

// Whether `network`, such as 10.0.0.0/8, holds `host`.
bool Holds(absl::string_view network, absl::string_view host) {
  const std::vector<absl::string_view> parts = absl::StrSplit(network, '/');
  int bits = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &bits)) return false;
  const std::vector<unsigned char> base = BytesOf(parts[0]), address = BytesOf(host);
  if (base.empty() || base.size() != address.size()) return false;
  return bits >= 0 && bits <= static_cast<int>(8 * base.size()) && SameBits(base, address, bits);
}

bool IsExcepted(absl::string_view host, absl::string_view exceptions) {
  for (absl::string_view entry : absl::StrSplit(exceptions, ',')) {
    entry = absl::StripAsciiWhitespace(entry);
    if (entry.empty()) continue;
    // By its end, as gRPC does, which would not use the proxy whatever is said here.
    if (entry == "*" || absl::EndsWithIgnoreCase(host, entry) || Holds(entry, host)) return true;
  }
  return false;
}

// What gRPC takes as a proxy: http://[USER@]HOST:PORT. Nothing for what it ignores.
std::optional<std::string> ProxyAddress(absl::string_view url) {
  if (!absl::StartsWithIgnoreCase(url, "http://")) return std::nullopt;
  url.remove_prefix(7);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const size_t at = url.rfind('@'); at != absl::string_view::npos) url.remove_prefix(at + 1);
  if (url.empty()) return std::nullopt;
  return std::string(url);
}

}  // namespace

std::string ProcessEnvironment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return value == nullptr ? "" : value;
}

std::optional<Proxy> ProxyFor(absl::string_view address, const Environment& environment) {
  if (IsLoopback(address)) return std::nullopt;
  for (const char* variable : {"grpc_proxy", "https_proxy", "http_proxy"}) {
    const std::string value = environment(variable);
    if (value.empty()) continue;
    const std::optional<std::string> proxy = ProxyAddress(value);
    if (!proxy.has_value()) return std::nullopt;
    std::string exceptions = environment("no_grpc_proxy");
    if (exceptions.empty()) exceptions = environment("no_proxy");
    if (IsExcepted(HostOf(address), exceptions)) return std::nullopt;
    return Proxy{.variable = variable, .address = *proxy};
  }
  return std::nullopt;
}

}  // namespace tributary
