// Icon themes of a few made-up icons, for tests of the readers.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace tributary {

// A PPM: the readers go by the name, the decoder by the content. Red and green of the upper half
// tell it from others at any size.
inline void WriteIcon(const std::string& path, int red, int green) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::string pixels(size_t{3} * 32 * 32, '\x40');
  for (size_t i = 0; i < pixels.size() / 2; i += 3) {
    pixels[i] = static_cast<char>(red);
    pixels[i + 1] = static_cast<char>(green);
  }
  std::ofstream(path, std::ios::binary) << "P6\n32 32\n255\n" << pixels;
}

// The eight themes of icon-names, each with `names` icons "thing-N"; pixels differ between all.
inline void WriteThemes(const std::string& root, int names) {
  const char* const themes[] = {"Adwaita", "Faenza", "Tango",    "elementary-xfce",
                                "gnome",   "mate",   "nuoveXT2", "oxygen"};
  for (int t = 0; t < 8; ++t) {
    for (int n = 0; n < names; ++n) {
      WriteIcon(absl::StrCat(root, "/usr/share/icons/", themes[t], "/32x32/apps/thing-", n, ".png"),
                30 * t, 20 * n);
    }
  }
}

}  // namespace tributary
