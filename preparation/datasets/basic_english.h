// The text normalisation "basic_english" of torchtext (torchtext.data.utils), which the paper's
// runs put AG News through.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace tributary {

// Lower case; " ; : and <br /> dropped (the latter three leave a space); ' . , ( ) ! ? set apart;
// runs of white space become one space, none at the ends. `text`: UTF-8.
std::string BasicEnglish(absl::string_view text);

}  // namespace tributary
