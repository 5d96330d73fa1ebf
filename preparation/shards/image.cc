#include "preparation/shards/image.h"

#include <memory>
#include <string>

#include <cairo.h>
#include <librsvg/rsvg.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/jpeg.h"

namespace tributary {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;  // of a file; OpenCV counts in int

uint8_t OverWhite(uint8_t value, uint8_t alpha) {
  return static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

Image FromMat(const cv::Mat& mat) {
  Image image{.height = mat.rows, .width = mat.cols, .channels = 3, .pixels = {}};
  image.pixels.reserve(size_t{3} * static_cast<size_t>(mat.rows) * static_cast<size_t>(mat.cols));
  const int channels = mat.channels();
  for (int y = 0; y < mat.rows; ++y) {
    const uint8_t* row = mat.ptr<uint8_t>(y);
    for (int x = 0; x < mat.cols; ++x, row += channels) {
      const uint8_t alpha = channels == 4 ? row[3] : 255;
      for (int c = 2; c >= 0; --c) {  // OpenCV keeps BGR
        image.pixels.push_back(OverWhite(row[channels >= 3 ? c : 0], alpha));
      }
    }
  }
  return image;
}

// A PNG says its size in its first bytes; checked before OpenCV takes memory for it.
absl::Status CheckPngSides(absl::string_view bytes) {
  constexpr absl::string_view kSignature = "\x89PNG\r\n\x1a\n";
  constexpr size_t kWidth = 16, kHeight = 20, kHeaderEnd = 24;
  if (!absl::StartsWith(bytes, kSignature) || bytes.size() < kHeaderEnd) return absl::OkStatus();
  const auto big_endian = [&](size_t place) {
    uint32_t value = 0;
    // Big-endian, as all of PNG's numbers.
    for (const char byte : bytes.substr(place, 4)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  };
  return CheckImageSides(big_endian(kHeight), big_endian(kWidth));
}

absl::StatusOr<Image> DecodeByOpenCv(absl::string_view bytes) {
  RETURN_IF_ERROR(CheckPngSides(bytes));
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  // Unchanged: no orientation is applied either.
  cv::Mat mat = cv::imdecode(input, cv::IMREAD_UNCHANGED);
  if (mat.empty()) return absl::DataLossError("cannot decode the image");
  RETURN_IF_ERROR(CheckImageSides(mat.rows, mat.cols));
  if (mat.depth() == CV_16U) mat.convertTo(mat, CV_8U, 1.0 / 257);
  if (mat.depth() != CV_8U) return absl::DataLossError("the image is not of 8 or 16 bits");
  return FromMat(mat);
}

absl::Status SvgError(GError* error) {
  const std::string message = error != nullptr ? error->message : "unknown error";
  if (error != nullptr) g_error_free(error);
  return absl::DataLossError(absl::StrCat("cannot draw the SVG: ", message));
}

}  // namespace

absl::StatusOr<Image> DecodeImage(absl::string_view bytes) {
  if (bytes.empty()) return absl::DataLossError("the image has no bytes");
  if (bytes.size() > kMostBytes) return absl::DataLossError("the image is larger than 1 GiB");
  if (IsJpeg(bytes)) return DecodeJpeg(bytes, 3);
  try {
    return DecodeByOpenCv(bytes);
  } catch (const cv::Exception& error) {
    return absl::DataLossError(absl::StrCat("cannot decode the image: ", error.what()));
  }
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
