#include "preparation/shards/dicom.h"

namespace tributary {

bool IsDicom(absl::string_view bytes) {
  // PS3.10, 7.1: a preamble of 128 bytes, then the mark.
  return bytes.size() >= 132 && bytes.substr(128, 4) == "DICM";
}

}  // namespace tributary
