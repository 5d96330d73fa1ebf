#include "common/data/image.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include <cairo.h>
#include <librsvg/rsvg.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

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

// What one output pixel takes from the input: `weights` from input pixel `first` on.
struct Taps {
  int64_t first = 0;
  std::vector<int64_t> weights;  // fixed point
};

constexpr int kPrecision = 22;  // as Pillow's 8-bit filter

std::vector<Taps> MakeTaps(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double radius = std::max(scale, 1.0);
  std::vector<Taps> taps(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    // Pillow truncates here, and so does this.
    // NOLINTBEGIN(bugprone-incorrect-roundings)
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - radius + 0.5));
    const auto last = std::min<int64_t>(from, static_cast<int64_t>(centre + radius + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    std::vector<double> weights;
    double sum = 0;
    for (int64_t j = first; j < last; ++j) {
      const double distance = std::abs((static_cast<double>(j) - centre + 0.5) / radius);
      weights.push_back(std::max(0.0, 1 - distance));
      sum += weights.back();
    }
    taps[static_cast<size_t>(i)].first = first;
    for (const double weight : weights) {
      taps[static_cast<size_t>(i)].weights.push_back(
          std::llround(weight / sum * (1 << kPrecision)));
    }
  }
  return taps;
}

// Filters along one axis: `count` lines, whose pixels lie `step` bytes apart and which begin at
// line_begin(line).
template <typename LineBegin>
void Filter(const std::vector<uint8_t>& in, std::vector<uint8_t>* out,
            const std::vector<Taps>& taps, int64_t lines, int64_t in_step, int64_t out_step,
            const LineBegin& line_begin) {
  for (int64_t line = 0; line < lines; ++line) {
    const auto [in_begin, out_begin] = line_begin(line);
    for (size_t i = 0; i < taps.size(); ++i) {
      int64_t sum = int64_t{1} << (kPrecision - 1);
      int64_t place = in_begin + taps[i].first * in_step;
      for (const int64_t weight : taps[i].weights) {
        sum += weight * in[static_cast<size_t>(place)];
        place += in_step;
      }
      (*out)[static_cast<size_t>(out_begin + static_cast<int64_t>(i) * out_step)] =
          static_cast<uint8_t>(std::clamp<int64_t>(sum >> kPrecision, 0, 255));
    }
  }
}

absl::Status SvgError(GError* error) {
  const std::string message = error != nullptr ? error->message : "unknown error";
  if (error != nullptr) g_error_free(error);
  return absl::DataLossError(absl::StrCat("cannot draw the SVG: ", message));
}

}  // namespace

absl::StatusOr<Image> DecodeImage(absl::string_view bytes) {
  try {
    const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1,
                        const_cast<char*>(bytes.data()));
    cv::Mat mat = bytes.empty() ? cv::Mat() : cv::imdecode(input, cv::IMREAD_UNCHANGED);
    if (mat.empty()) return absl::DataLossError("cannot decode the image");
    if (mat.depth() == CV_16U) mat.convertTo(mat, CV_8U, 1.0 / 257);
    if (mat.depth() != CV_8U) return absl::DataLossError("the image is not of 8 or 16 bits");
    return FromMat(mat);
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

Image Resize(const Image& image, int64_t height, int64_t width) {
  const int64_t channels = image.channels;
  Image wide{.height = image.height, .width = width, .channels = channels, .pixels = {}};
  wide.pixels.resize(static_cast<size_t>(image.height * width * channels));
  Filter(image.pixels, &wide.pixels, MakeTaps(image.width, width), image.height * channels,
         channels, channels, [&](int64_t line) {
           const int64_t y = line / channels, c = line % channels;
           return std::pair(y * image.width * channels + c, y * width * channels + c);
         });
  Image result{.height = height, .width = width, .channels = channels, .pixels = {}};
  result.pixels.resize(static_cast<size_t>(height * width * channels));
  const int64_t row = width * channels;
  Filter(wide.pixels, &result.pixels, MakeTaps(image.height, height), row, row, row,
         [](int64_t line) { return std::pair(line, line); });
  return result;
}

}  // namespace tributary
