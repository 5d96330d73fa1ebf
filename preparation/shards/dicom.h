// DICOM files of one picture, as scanners and archives of hospitals write them. By DCMTK, with
// which this is built where it is installed (cmake/Dependencies.cmake).
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/shards/picture.h"

namespace tributary {

bool IsDicom(absl::string_view bytes);
// The picture in 8 bits: the modality's rescaling, then the window (`decoding`'s, else the file's
// first, else from its lowest level to its highest), MONOCHROME1 inverted so that more is brighter.
// DataLoss if it is damaged, has several frames, is packed in a way that DCMTK does not read, or is
// larger than kMostPixels (pixels.h); Unimplemented where this was built without DCMTK.
absl::StatusOr<Picture> DecodeDicom(absl::string_view bytes, const ImageDecoding& decoding);

}  // namespace tributary
