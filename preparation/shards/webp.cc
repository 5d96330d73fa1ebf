#include "preparation/shards/webp.h"

#include <cstdint>
#include <memory>

#include <opencv2/imgcodecs.hpp>
#include <webp/demux.h>

#include "absl/strings/match.h"
#include "common/base/status_macros.h"
#include "common/data/pixels.h"
#include "preparation/shards/orientation.h"

namespace tributary {
namespace {

int OrientationOf(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk) == 0) return 1;
  const int orientation = OrientationInExif(
      absl::string_view(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size));
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

absl::StatusOr<cv::Mat> FirstFrame(const WebPData& data) {
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_BGRA;
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&data, &options), &WebPAnimDecoderDelete);
  WebPAnimInfo info;
  uint8_t* pixels = nullptr;
  int milliseconds = 0;
  if (decoder == nullptr || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0 ||
      WebPAnimDecoderGetNext(decoder.get(), &pixels, &milliseconds) == 0) {
    return absl::DataLossError("damaged WebP: its first frame cannot be decoded");
  }
  // The decoder owns `pixels`.
  return cv::Mat(static_cast<int>(info.canvas_height), static_cast<int>(info.canvas_width), CV_8UC4,
                 pixels)
      .clone();
}

}  // namespace

bool IsWebp(absl::string_view bytes) {
  return absl::StartsWith(bytes, "RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP";
}

absl::StatusOr<Picture> DecodeWebp(absl::string_view bytes) {
  const WebPData data = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> demuxer(WebPDemux(&data),
                                                                         &WebPDemuxDelete);
  if (demuxer == nullptr) return absl::DataLossError("damaged WebP: it is cut short");
  // Before any memory is taken for pixels.
  RETURN_IF_ERROR(CheckImageSides(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT),
                                  WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH)));
  Picture picture;
  picture.traits.orientation = OrientationOf(demuxer.get());
  if ((WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG) != 0) {
    picture.traits.more_frames = WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT) > 1;
    ASSIGN_OR_RETURN(picture.mat, FirstFrame(data));
    return picture;
  }
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  picture.mat = cv::imdecode(input, cv::IMREAD_UNCHANGED);
  if (picture.mat.empty()) return absl::DataLossError("damaged WebP: it cannot be decoded");
  return picture;
}

}  // namespace tributary
