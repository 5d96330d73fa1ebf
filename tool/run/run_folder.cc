#include "tool/run/run_folder.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
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

std::string BinaryFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace tributary
