#include "tool/run/run_folder.h"

#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/status.h"

namespace tributary {

namespace fs = std::filesystem;

std::string DefaultRunFolder(const RunConfig& config) {
  return absl::StrCat("out/", config.name, "-", MethodName(config), "-",
                      absl::FormatTime("%Y%m%d-%H%M%S", absl::Now(), absl::LocalTimeZone()));
}

absl::Status PrepareRunFolder(const std::string& folder, bool fresh) {
  std::error_code error;
  if (!fs::exists(folder + "/result.json", error)) return absl::OkStatus();
  if (!fresh) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, " holds a finished run; give --fresh to replace it, or another --out"));
  }
  fs::remove_all(folder, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot remove ", folder));
  return absl::OkStatus();
}

std::optional<int> RoundsOfResult(const std::string& folder) {
  const absl::StatusOr<std::string> text = ReadFile(folder + "/result.json");
  if (!text.ok()) return std::nullopt;
  const nlohmann::json result = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!result.is_object()) return std::nullopt;
  const auto rounds = result.find("rounds");
  if (rounds == result.end() || !rounds->is_number_integer()) return std::nullopt;
  return rounds->get<int>();
}

std::string BinaryFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace tributary
