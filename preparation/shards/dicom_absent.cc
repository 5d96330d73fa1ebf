#include "preparation/shards/dicom.h"

namespace tributary {

absl::StatusOr<Picture> DecodeDicom(absl::string_view /*bytes*/,
                                    const ImageDecoding& /*decoding*/) {
  return absl::UnimplementedError(
      "a DICOM file, and this program was built without DCMTK: install libdcmtk-dev and build "
      "again");
}

}  // namespace tributary
