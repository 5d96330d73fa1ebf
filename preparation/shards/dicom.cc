#include "preparation/shards/dicom.h"

#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/pixels.h"
#include "dcmtk/config/osconfig.h"  // before all others of DCMTK
#include "dcmtk/dcmdata/dccodec.h"
#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmimage/diregist.h"
#include "dcmtk/dcmimgle/dcmimage.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpls/djdecode.h"

namespace tributary {
namespace {

// Once for the process: decoders of packed pixels, and no words on standard error.
void SetUp() {
  static const bool kDone = [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    return true;
  }();
  (void)kDone;
}

// DICOM windows tell centre and width (PS3.3, C.11.2.1.2): LOW becomes black, HIGH white.
int SetWindow(const ImageDecoding& decoding, DicomImage* image) {
  if (decoding.window) {
    const double width = decoding.window->high - decoding.window->low + 1;
    return image->setWindow(decoding.window->low + width / 2, width);
  }
  if (!decoding.window_of_each && image->getWindowCount() > 0) return image->setWindow(0);
  return image->setMinMaxWindow();
}

absl::Status CheckDataset(DcmDataset* dataset) {
  Uint16 rows = 0, columns = 0;
  Sint32 frames = 1;
  dataset->findAndGetUint16(DCM_Rows, rows);
  dataset->findAndGetUint16(DCM_Columns, columns);
  if (rows == 0 || columns == 0) return absl::DataLossError("the DICOM file holds no picture");
  RETURN_IF_ERROR(CheckImageSides(rows, columns));
  dataset->findAndGetSint32(DCM_NumberOfFrames, frames);
  if (frames <= 1) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the DICOM file holds ", frames, " frames; one is read: write those that matter as files of ",
      "their own, as by dcmj2pnm +F NUMBER"));
}

}  // namespace

absl::StatusOr<Picture> DecodeDicom(absl::string_view bytes, const ImageDecoding& decoding) {
  SetUp();
  DcmInputBufferStream stream;
  stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  stream.setEos();
  DcmFileFormat file;
  file.transferInit();
  const OFCondition read = file.read(stream);
  file.transferEnd();
  if (read.bad()) return absl::DataLossError(absl::StrCat("damaged DICOM file: ", read.text()));
  DcmDataset* const dataset = file.getDataset();
  RETURN_IF_ERROR(CheckDataset(dataset));
  const E_TransferSyntax packing = dataset->getOriginalXfer();
  const DcmXfer syntax(packing);
  if (syntax.isEncapsulated() &&
      !DcmCodecList::canChangeCoding(packing, EXS_LittleEndianExplicit)) {
    return absl::DataLossError(
        absl::StrCat("the DICOM file is packed as ", syntax.getXferName(),
                     ", which is not read; unpack it, as by gdcmconv --raw"));
  }
  DicomImage image(dataset, packing);
  if (image.getStatus() != EIS_Normal) {
    return absl::DataLossError(absl::StrCat("cannot decode the DICOM file (", syntax.getXferName(),
                                            "): ", DicomImage::getString(image.getStatus())));
  }
  const bool grey = image.isMonochrome();
  if (grey && SetWindow(decoding, &image) == 0) {
    return absl::DataLossError("the DICOM file's levels cannot be windowed");
  }
  void* const pixels = const_cast<void*>(image.getOutputData(8));
  if (pixels == nullptr) return absl::DataLossError("the DICOM file's pixels cannot be read");
  const cv::Mat mat(static_cast<int>(image.getHeight()), static_cast<int>(image.getWidth()),
                    grey ? CV_8UC1 : CV_8UC3, pixels);
  Picture picture;  // the image owns `pixels`
  if (grey) {
    picture.mat = mat.clone();
  } else {
    cv::cvtColor(mat, picture.mat, cv::COLOR_RGB2BGR);
  }
  return picture;
}

}  // namespace tributary
