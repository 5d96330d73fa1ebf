#include "preparation/shards/tiff_header.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include <tiffio.h>

#include "absl/strings/match.h"
#include "common/base/status_macros.h"
#include "common/data/pixels.h"

namespace tributary {
namespace {

// A file in memory, as libtiff reads one.
struct Source {
  absl::string_view bytes;
  uint64_t place = 0;
};

tmsize_t OnRead(thandle_t handle, void* to, tmsize_t count) {
  auto* source = static_cast<Source*>(handle);
  if (source->place >= source->bytes.size() || count < 0) return 0;
  const size_t taken = std::min(static_cast<size_t>(count), source->bytes.size() - source->place);
  std::memcpy(to, source->bytes.data() + source->place, taken);
  source->place += taken;
  return static_cast<tmsize_t>(taken);
}

tmsize_t OnWrite(thandle_t /*handle*/, void* /*from*/, tmsize_t /*count*/) { return 0; }

toff_t OnSeek(thandle_t handle, toff_t offset, int whence) {
  auto* source = static_cast<Source*>(handle);
  const uint64_t base = whence == SEEK_CUR   ? source->place
                        : whence == SEEK_END ? source->bytes.size()
                                             : 0;
  source->place = base + offset;
  return source->place;
}

int OnClose(thandle_t /*handle*/) { return 0; }

toff_t OnSize(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }

// It would print what is odd about a file.
void OnComplaint(const char* /*module*/, const char* /*format*/, va_list /*arguments*/) {}

bool IsPremultiplied(TIFF* tiff) {
  uint16_t bits = 0, count = 0;
  uint16_t* kinds = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  // OpenCV reads 8 bits through libtiff's own conversion, which multiplies; 16 as they are.
  if (bits <= 8) return true;
  return TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1 && count > 0 &&
         kinds[0] == EXTRASAMPLE_ASSOCALPHA;
}

}  // namespace

bool IsTiff(absl::string_view bytes) {
  constexpr absl::string_view kMarks[] = {{"II*\0", 4}, {"MM\0*", 4}, {"II+\0", 4}, {"MM\0+", 4}};
  return std::any_of(std::begin(kMarks), std::end(kMarks),
                     [&](absl::string_view mark) { return absl::StartsWith(bytes, mark); });
}

absl::StatusOr<TiffHeader> ReadTiffHeader(absl::string_view bytes) {
  static const bool kQuiet = [] {
    TIFFSetErrorHandler(OnComplaint);
    TIFFSetWarningHandler(OnComplaint);
    return true;
  }();
  (void)kQuiet;
  Source source{.bytes = bytes};
  const std::unique_ptr<TIFF, decltype(&TIFFClose)> tiff(
      TIFFClientOpen("memory", "rm", &source, OnRead, OnWrite, OnSeek, OnClose, OnSize, nullptr,
                     nullptr),
      &TIFFClose);
  if (tiff == nullptr) return absl::DataLossError("damaged TIFF: it has no page");
  uint32_t width = 0, height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  RETURN_IF_ERROR(CheckImageSides(height, width));
  TiffHeader header;
  uint16_t orientation = 1;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  if (orientation >= 1 && orientation <= 8) header.orientation = orientation;
  header.premultiplied = IsPremultiplied(tiff.get());
  header.more_pages = TIFFReadDirectory(tiff.get()) == 1;
  return header;
}

}  // namespace tributary
