#include "preparation/shards/png_header.h"

#include <csetjmp>
#include <cstring>
#include <string>

#include <png.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/pixels.h"
#include "preparation/shards/orientation.h"

namespace tributary {
namespace {

constexpr absl::string_view kSignature = "\x89PNG\r\n\x1a\n";

// What libpng reads from, and where it leaves its complaint.
struct Source {
  absl::string_view rest;
  char complaint[128] = "";
};

void OnRead(png_structp png, png_bytep to, size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (source->rest.size() < count) png_error(png, "it is cut short");
  std::memcpy(to, source->rest.data(), count);
  source->rest.remove_prefix(count);
}

void OnError(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->complaint, message, sizeof(source->complaint) - 1);
  png_longjmp(png, 1);
}

void OnWarning(png_structp /*png*/, png_const_charp /*message*/) {}

// The chunks before the pixels. False after a complaint: libpng jumps back to here, so that nothing
// that has a destructor may stand in this function.
bool ReadInfo(png_structp png, png_infop info, Source* source) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, source, OnRead);
  png_read_info(png, info);
  return true;
}

PngHeader HeaderOf(png_structp png, png_infop info) {
  PngHeader header;
  png_color_16p transparent = nullptr;
  if (png_get_color_type(png, info) == PNG_COLOR_TYPE_GRAY &&
      png_get_tRNS(png, info, nullptr, nullptr, &transparent) != 0 && transparent != nullptr) {
    const int bits = png_get_bit_depth(png, info);
    // 1, 2 and 4 bits are decoded to 8.
    const int scale = bits < 8 ? 255 / ((1 << bits) - 1) : 1;
    header.clear_grey = transparent->gray * scale;
  }
  png_uint_32 length = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(png, info, &length, &exif) != 0 && exif != nullptr) {
    header.orientation =
        OrientationInExif(absl::string_view(reinterpret_cast<const char*>(exif), length));
  }
  return header;
}

// Before libpng looks at the header's checksum: what a huge image is refused for is its size.
absl::Status CheckSides(absl::string_view bytes) {
  constexpr size_t kWidth = 16, kHeight = 20, kHeaderEnd = 24;
  if (bytes.size() < kHeaderEnd) return absl::DataLossError("damaged PNG: it is cut short");
  const auto* places = reinterpret_cast<const png_byte*>(bytes.data());
  return CheckImageSides(png_get_uint_32(places + kHeight), png_get_uint_32(places + kWidth));
}

}  // namespace

bool IsPng(absl::string_view bytes) { return absl::StartsWith(bytes, kSignature); }

absl::StatusOr<PngHeader> ReadPngHeader(absl::string_view bytes) {
  RETURN_IF_ERROR(CheckSides(bytes));
  Source source{.rest = bytes};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, OnError, OnWarning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  const bool read = info != nullptr && ReadInfo(png, info, &source);
  const PngHeader header = read ? HeaderOf(png, info) : PngHeader();
  png_destroy_read_struct(&png, &info, nullptr);
  if (read) return header;
  return absl::DataLossError(absl::StrCat("damaged PNG: ", source.complaint));
}

}  // namespace tributary
