// The version of this build.
#pragma once

namespace tributary {

inline constexpr char kSoftwareVersion[] = TRIBUTARY_VERSION;

}  // namespace tributary
