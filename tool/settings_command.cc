#include "tool/settings_command.h"

#include <iostream>

#include "common/config/settings_page.h"
#include "server/method/method_table.h"

namespace tributary {

absl::Status PrintSettings() {
  std::cout << SettingsPage(Methods()) << std::flush;
  return absl::OkStatus();
}

}  // namespace tributary
