#include "preparation/shards/render.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/data/stored_image.h"
#include "preparation/shards/image.h"

namespace tributary {
namespace {

struct Decoded {
  std::string source;  // the file's bytes; empty for raw pixels and what was turned
  Image image;
  RenderedImage rendered;  // without `stored`
};

Image FromRaw(const RawPixels& raw, absl::string_view bytes) {
  Image image{.height = raw.height, .width = raw.width, .channels = raw.channels, .pixels = {}};
  image.pixels.assign(bytes.begin(), bytes.end());
  if (!raw.planar || raw.channels == 1) return image;
  const auto plane = static_cast<size_t>(raw.height * raw.width);
  const auto channels = static_cast<size_t>(raw.channels);
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = 0; i < plane; ++i) {
      image.pixels[i * channels + c] = static_cast<uint8_t>(bytes[c * plane + i]);
    }
  }
  return image;
}

bool IsBlank(const Image& image) {
  return std::all_of(image.pixels.begin(), image.pixels.end(),
                     [&](uint8_t value) { return value == image.pixels.front(); });
}

absl::StatusOr<Decoded> Decode(const SampleSet& set, const ImageSource& place, int64_t size,
                               const ImageDecoding& decoding) {
  const FileTree& tree = *set.trees[place.tree];
  Decoded decoded;
  const auto note = [&](const std::string& bytes) {
    decoded.rendered.source_bytes = bytes.size();
    decoded.rendered.source_checksum = Checksum(bytes);
  };
  // The checksum is of what was published, before anything is decoded: it goes into the manifest.
  if (set.raw.height > 0) {
    const auto length = static_cast<uint64_t>(set.raw.height * set.raw.width * set.raw.channels);
    ASSIGN_OR_RETURN(const std::string bytes, tree.Read(place.file, place.offset, length));
    note(bytes);
    decoded.image = FromRaw(set.raw, bytes);
    return decoded;
  }
  ASSIGN_OR_RETURN(std::string bytes, tree.Read(place.file));
  note(bytes);
  // An SVG has no size of its own: it is drawn at the one that is asked for, whatever is stored.
  if (absl::EndsWith(tree.names()[place.file], ".svg")) {
    ASSIGN_OR_RETURN(decoded.image, DrawSvg(bytes, size));
    return decoded;
  }
  ASSIGN_OR_RETURN(DecodedImage file, DecodeImageFile(bytes, decoding));
  decoded.image = std::move(file.image);
  decoded.rendered.traits = file.traits;
  // What was turned is no longer what the file holds.
  if (!decoding.upright || file.traits.orientation == 1) decoded.source = std::move(bytes);
  return decoded;
}

absl::StatusOr<RenderedImage> Render(const SampleSet& set, const ImageSource& place,
                                     ImageStorage storage, int64_t size,
                                     const ImageDecoding& decoding) {
  ASSIGN_OR_RETURN(Decoded decoded, Decode(set, place, size, decoding));
  Image image = ToChannels(std::move(decoded.image), set.channels);
  if (set.skip_blank && IsBlank(image)) return absl::DataLossError("a blank image");
  RenderedImage rendered = std::move(decoded.rendered);
  if (storage == ImageStorage::kOriginal) {
    const std::string stored = StoreImage(decoded.source, image);
    rendered.stored.assign(stored.begin(), stored.end());
  } else if (image.height == size && image.width == size) {
    rendered.stored = std::move(image.pixels);
  } else {
    rendered.stored = Resize(image, size, size).pixels;
  }
  return rendered;
}

}  // namespace

absl::StatusOr<RenderedImage> RenderImage(const SampleSet& set, int64_t image, ImageStorage storage,
                                          int64_t size, const ImageDecoding& decoding) {
  try {  // OpenCV and the allocator throw
    return Render(set, set.images[static_cast<size_t>(image)], storage, size, decoding);
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat("cannot be decoded: ", error.what()));
  }
}

std::string DescribeImage(const SampleSet& set, int64_t image) {
  const ImageSource& place = set.images[static_cast<size_t>(image)];
  std::string name = set.trees[place.tree]->Describe(place.file);
  if (set.raw.height > 0) absl::StrAppend(&name, ", byte ", place.offset);
  return name;
}

}  // namespace tributary
