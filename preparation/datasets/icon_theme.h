// Finds icons in the folders of freedesktop icon themes.
//
// Themes nest their folders either way: <size>/<context>/name.png or <context>/<size>/name.png. Of
// one name in one context the file whose size is nearest to, and if possible not below, the wanted
// one is taken. Links are not followed: they are aliases of an icon that is found under its own
// name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tributary {

struct IconFile {
  std::string theme;
  std::string context;  // "actions", "apps", ...
  std::string name;     // without extension: "weather-few-clouds-night"
  std::string path;
};

// The freedesktop contexts that are told apart, in order: actions, apps, categories, devices,
// emblems, mimetypes, places, status.
const std::vector<std::string>& IconContexts();

// Icons of `theme` below `root` (usr/share/icons), sorted by context and name. Symbolic
// (one-colour) variants are left out. NotFound names the Debian package to install if the theme is
// not there.
absl::StatusOr<std::vector<IconFile>> FindIcons(const std::string& root, const std::string& theme,
                                                int64_t wanted_size);

// An icon's name in words: "weather-few-clouds-night" -> "weather few clouds night".
std::string NameInWords(const std::string& name);

}  // namespace tributary
