#include "common/data/jpeg.h"

#include <memory>
#include <utility>

#include <turbojpeg.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

using Decoder = std::unique_ptr<void, decltype(&tjDestroy)>;

// A progressive file of a few bytes for each scan may ask for any number of passes over its pixels.
constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;

struct Header {
  int height = 0, width = 0, subsampling = 0, colours = 0;
};

const unsigned char* BytesOf(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

absl::Status Damaged(tjhandle decoder) {
  return absl::DataLossError(absl::StrCat("damaged JPEG: ", tjGetErrorStr2(decoder)));
}

// Whether the decoder's last complaint was of stray bytes alone, which other programs leave.
bool IsHarmless(tjhandle decoder) {
  return tjGetErrorCode(decoder) == TJERR_WARNING &&
         absl::StrContains(tjGetErrorStr2(decoder), "extraneous bytes before marker");
}

// A layout of colours that TurboJPEG has no name for; it decodes it all the same.
bool IsUnnamedLayout(tjhandle decoder) {
  return absl::StrContains(tjGetErrorStr2(decoder), "Could not determine subsampling");
}

absl::StatusOr<Header> ReadHeader(tjhandle decoder, absl::string_view bytes) {
  Header header;
  if (tjDecompressHeader3(decoder, BytesOf(bytes), bytes.size(), &header.width, &header.height,
                          &header.subsampling, &header.colours) != 0 &&
      !IsHarmless(decoder) && !IsUnnamedLayout(decoder)) {
    return Damaged(decoder);
  }
  // Before any memory is taken: the header may claim 65,535 pixels a side.
  RETURN_IF_ERROR(CheckImageSides(header.height, header.width));
  return header;
}

// Only the last complaint is kept, and stray bytes often follow damage. So decoding stops at the
// first, and goes on past it only if that one is harmless.
absl::Status Decode(tjhandle decoder, absl::string_view bytes, int format, Image* image) {
  const auto run = [&](int flags) {
    return tjDecompress2(decoder, BytesOf(bytes), bytes.size(), image->pixels.data(),
                         static_cast<int>(image->width), 0, static_cast<int>(image->height), format,
                         kFlags | flags) == 0;
  };
  if (run(TJFLAG_STOPONWARNING)) return absl::OkStatus();
  if (IsHarmless(decoder) && (run(0) || IsHarmless(decoder))) return absl::OkStatus();
  return Damaged(decoder);
}

// Pillow's conversion: `cmyk` is inverted, as Adobe stores it.
Image FromCmyk(const Image& cmyk) {
  Image image{.height = cmyk.height, .width = cmyk.width, .channels = 3, .pixels = {}};
  image.pixels.reserve(cmyk.pixels.size() / 4 * 3);
  for (size_t i = 0; i < cmyk.pixels.size(); i += 4) {
    const int light = cmyk.pixels[i + 3];
    for (size_t c = 0; c < 3; ++c) {
      // x / 255, rounded, by shifts: (x + 128 + ((x + 128) >> 8)) >> 8.
      const int product = (255 - cmyk.pixels[i + c]) * light + 128;
      image.pixels.push_back(static_cast<uint8_t>(light - (((product >> 8) + product) >> 8)));
    }
  }
  return image;
}

}  // namespace

bool IsJpeg(absl::string_view bytes) { return absl::StartsWith(bytes, "\xff\xd8\xff"); }

absl::StatusOr<Image> DecodeJpeg(absl::string_view bytes, int64_t channels) {
  const Decoder decoder(tjInitDecompress(), &tjDestroy);
  if (decoder == nullptr) return absl::ResourceExhaustedError("no memory for a JPEG decoder");
  ASSIGN_OR_RETURN(const Header header, ReadHeader(decoder.get(), bytes));
  const bool cmyk = header.colours == TJCS_CMYK || header.colours == TJCS_YCCK;
  const bool grey = header.colours == TJCS_GRAY && channels == 1;
  const int format = cmyk ? TJPF_CMYK : grey ? TJPF_GRAY : TJPF_RGB;
  Image image{.height = header.height,
              .width = header.width,
              .channels = tjPixelSize[format],
              .pixels = {}};
  image.pixels.resize(static_cast<size_t>(image.height * image.width * image.channels));
  RETURN_IF_ERROR(Decode(decoder.get(), bytes, format, &image));
  if (cmyk) image = FromCmyk(image);
  return ToChannels(std::move(image), channels);
}

}  // namespace tributary
