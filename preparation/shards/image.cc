#include "preparation/shards/image.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include <cairo.h>
#include <librsvg/rsvg.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/jpeg.h"
#include "preparation/shards/dicom.h"
#include "preparation/shards/gif.h"
#include "preparation/shards/orientation.h"
#include "preparation/shards/picture.h"
#include "preparation/shards/png_header.h"
#include "preparation/shards/tiff_header.h"
#include "preparation/shards/webp.h"

namespace tributary {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;  // of a file; OpenCV counts in int
constexpr double kMost16Bits = 65'535;

uint8_t OverWhite(uint8_t value, uint8_t alpha) {
  return static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

// `mat`: 8 bits a channel.
Image FromMat(const cv::Mat& mat, bool premultiplied) {
  Image image{.height = mat.rows, .width = mat.cols, .channels = 3, .pixels = {}};
  image.pixels.reserve(size_t{3} * static_cast<size_t>(mat.rows) * static_cast<size_t>(mat.cols));
  const int channels = mat.channels();
  const auto over_white = [&](uint8_t value, uint8_t alpha) {
    if (!premultiplied) return OverWhite(value, alpha);
    return static_cast<uint8_t>(std::min(255, value + 255 - alpha));
  };
  for (int y = 0; y < mat.rows; ++y) {
    const uint8_t* row = mat.ptr<uint8_t>(y);
    for (int x = 0; x < mat.cols; ++x, row += channels) {
      const uint8_t alpha = channels == 4 ? row[3] : 255;
      for (int c = 2; c >= 0; --c) {  // OpenCV keeps BGR
        image.pixels.push_back(over_white(row[channels >= 3 ? c : 0], alpha));
      }
    }
  }
  return image;
}

absl::StatusOr<Picture> DecodeByOpenCv(absl::string_view bytes) {
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  // Unchanged: as many bits as there are, and an orientation is applied to TIFF alone.
  Picture picture;
  picture.mat = cv::imdecode(input, cv::IMREAD_UNCHANGED);
  if (picture.mat.empty()) return absl::DataLossError("cannot decode the image");
  RETURN_IF_ERROR(CheckImageSides(picture.mat.rows, picture.mat.cols));
  return picture;
}

absl::StatusOr<Picture> DecodePng(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const PngHeader header, ReadPngHeader(bytes));
  ASSIGN_OR_RETURN(Picture picture, DecodeByOpenCv(bytes));
  picture.traits.orientation = header.orientation;
  if (picture.mat.channels() == 1) picture.clear_grey = header.clear_grey;
  return picture;
}

absl::StatusOr<Picture> DecodeTiff(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const TiffHeader header, ReadTiffHeader(bytes));
  ASSIGN_OR_RETURN(Picture picture, DecodeByOpenCv(bytes));
  picture.traits.orientation = header.orientation;
  picture.traits.more_frames = header.more_pages;
  picture.premultiplied = header.premultiplied;
  picture.is_upright = true;
  return picture;
}

absl::StatusOr<Picture> DecodePicture(absl::string_view bytes, const ImageDecoding& decoding) {
  // Before TIFF: the preamble of a DICOM file may be the beginning of one.
  if (IsDicom(bytes)) return DecodeDicom(bytes, decoding);
  if (IsPng(bytes)) return DecodePng(bytes);
  if (IsTiff(bytes)) return DecodeTiff(bytes);
  if (IsWebp(bytes)) return DecodeWebp(bytes);
  if (IsGif(bytes)) return DecodeGif(bytes);
  return DecodeByOpenCv(bytes);
}

// Brings more than 8 bits to 8 by `decoding`, and notes their levels.
absl::Status ToEightBits(const ImageDecoding& decoding, Picture* picture) {
  cv::Mat& mat = picture->mat;
  if (mat.depth() == CV_8U) return absl::OkStatus();
  const bool wished = decoding.window || decoding.window_of_each;
  if (mat.depth() != CV_16U && !wished) {
    return absl::DataLossError(
        "the image has neither 8 nor 16 bits; say which levels are black and white (--window)");
  }
  cv::Mat alpha, colours = mat;
  if (mat.channels() == 4) {
    cv::extractChannel(mat, alpha, 3);
    cv::cvtColor(mat, colours, cv::COLOR_BGRA2BGR);
  }
  double lowest = 0, highest = 0;
  cv::minMaxLoc(colours.reshape(1), &lowest, &highest);
  if (!std::isfinite(lowest) || !std::isfinite(highest)) {
    return absl::DataLossError("the image has levels that are no finite numbers");
  }
  picture->traits.deep = mat.depth() == CV_16U;
  picture->traits.lowest = static_cast<int64_t>(lowest);
  picture->traits.highest = static_cast<int64_t>(highest);
  LevelWindow window = {.low = 0, .high = kMost16Bits};
  if (decoding.window_of_each) window = {.low = lowest, .high = std::max(highest, lowest + 1)};
  if (decoding.window) window = *decoding.window;
  const double scale = 255 / (window.high - window.low);
  cv::Mat result;
  colours.convertTo(result, CV_8U, scale, -window.low * scale);
  if (!alpha.empty()) {
    alpha.convertTo(alpha, CV_8U, 255 / kMost16Bits);
    cv::cvtColor(result, result, cv::COLOR_BGR2BGRA);
    cv::insertChannel(alpha, result, 3);
  }
  mat = result;
  return absl::OkStatus();
}

absl::StatusOr<DecodedImage> FromPicture(Picture picture, const ImageDecoding& decoding) {
  cv::Mat clear;
  if (picture.clear_grey) clear = picture.mat == *picture.clear_grey;
  RETURN_IF_ERROR(ToEightBits(decoding, &picture));
  if (picture.clear_grey) picture.mat.setTo(cv::Scalar(255), clear);
  DecodedImage decoded{.image = FromMat(picture.mat, picture.premultiplied),
                       .traits = picture.traits};
  const int orientation = picture.traits.orientation;
  if (picture.is_upright && !decoding.upright) {
    decoded.image = AsStored(std::move(decoded.image), orientation);
  } else if (!picture.is_upright && decoding.upright) {
    decoded.image = Upright(std::move(decoded.image), orientation);
  }
  return decoded;
}

absl::StatusOr<DecodedImage> DecodeJpegFile(absl::string_view bytes,
                                            const ImageDecoding& decoding) {
  DecodedImage decoded;
  ASSIGN_OR_RETURN(decoded.image, DecodeJpeg(bytes, 3));
  decoded.traits.orientation = OrientationInJpeg(bytes);
  if (decoding.upright) {
    decoded.image = Upright(std::move(decoded.image), decoded.traits.orientation);
  }
  return decoded;
}

absl::Status SvgError(GError* error) {
  const std::string message = error != nullptr ? error->message : "unknown error";
  if (error != nullptr) g_error_free(error);
  return absl::DataLossError(absl::StrCat("cannot draw the SVG: ", message));
}

}  // namespace

absl::StatusOr<DecodedImage> DecodeImageFile(absl::string_view bytes,
                                             const ImageDecoding& decoding) {
  if (bytes.empty()) return absl::DataLossError("the image has no bytes");
  if (bytes.size() > kMostBytes) return absl::DataLossError("the image is larger than 1 GiB");
  if (IsJpeg(bytes)) return DecodeJpegFile(bytes, decoding);
  try {
    ASSIGN_OR_RETURN(Picture picture, DecodePicture(bytes, decoding));
    return FromPicture(std::move(picture), decoding);
  } catch (const cv::Exception& error) {
    return absl::DataLossError(absl::StrCat("cannot decode the image: ", error.what()));
  }
}

absl::StatusOr<Image> DecodeImage(absl::string_view bytes) {
  ASSIGN_OR_RETURN(DecodedImage decoded, DecodeImageFile(bytes, {}));
  return std::move(decoded.image);
}

absl::StatusOr<Image> DrawSvg(absl::string_view bytes, int64_t size) {
  GError* error = nullptr;
  const std::unique_ptr<RsvgHandle, decltype(&g_object_unref)> handle(
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(bytes.data()), bytes.size(),
                                &error),
      &g_object_unref);
  if (handle == nullptr) return SvgError(error);
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(size),
                                 static_cast<int>(size)),
      &cairo_surface_destroy);
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> cairo(cairo_create(surface.get()),
                                                                 &cairo_destroy);
  cairo_set_source_rgb(cairo.get(), 1, 1, 1);
  cairo_paint(cairo.get());
  const auto side = static_cast<double>(size);
  const RsvgRectangle viewport = {.x = 0, .y = 0, .width = side, .height = side};
  if (rsvg_handle_render_document(handle.get(), cairo.get(), &viewport, &error) == 0) {
    return SvgError(error);
  }
  cairo_surface_flush(surface.get());
  Image image{.height = size, .width = size, .channels = 3, .pixels = {}};
  const uint8_t* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = 0; x < size; ++x) {
      const uint8_t* pixel = data + y * stride + x * 4;  // BGRx on little-endian machines
      image.pixels.insert(image.pixels.end(), {pixel[2], pixel[1], pixel[0]});
    }
  }
  return image;
}

}  // namespace tributary
