// What the chunks of fuzz_chunks are read against, and the form of its inputs.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/tensor/manifest.h"

namespace tributary {

// Small, and with all there can be: a slice of more than one block, a tensor without values in the
// middle, a vector, a scalar, a representation.
const Manifest& FixedManifest();

// An input is a list of chunks, each after its length in 4 bytes, little endian. A length beyond
// the end is cut.
std::string JoinChunks(absl::Span<const std::string> chunks);
std::vector<std::string> SplitChunks(absl::string_view input);

}  // namespace tributary
