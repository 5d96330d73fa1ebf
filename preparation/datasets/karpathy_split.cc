#include "preparation/datasets/karpathy_split.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/files/json_stream.h"
#include "preparation/files/json_value.h"

namespace tributary {
namespace {

using nlohmann::json;

CaptionedImage ImageOf(const json& element) {
  CaptionedImage image;
  const std::string folder = TextAt(element, "filepath");
  const std::string name = TextAt(element, "filename");
  image.file = folder.empty() || name.empty() ? name : absl::StrCat(folder, "/", name);
  image.split = TextAt(element, "split");
  if (!element.is_object() || !element.contains("sentences")) return image;
  for (const json& sentence : element["sentences"]) {
    image.captions.push_back({.text = TextAt(sentence, "raw")});
  }
  return image;
}

}  // namespace

absl::StatusOr<std::vector<CaptionedImage>> ReadKarpathyImages(const LocatedFile& file,
                                                               SampleSet* set) {
  const std::string path = file.tree->Describe(file.file);
  ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*file.tree, file.file, set));
  std::vector<CaptionedImage> images;
  absl::Status skipped;
  size_t number = 0;
  const auto visit = [&](const json& element) {
    ++number;
    CaptionedImage image = ImageOf(element);
    // `skipped` is the first error of Skip(), after which no more are listed.
    if (!image.file.empty() && !image.split.empty()) {
      images.push_back(std::move(image));
    } else if (skipped.ok()) {
      skipped =
          Skip(set, path, 0, absl::StrCat("image ", number, ": without \"filename\" or \"split\""));
    }
  };
  RETURN_IF_ERROR(VisitJsonArrays(text, path, {{"images", visit}}));
  RETURN_IF_ERROR(skipped);
  return images;
}

absl::Status AddKarpathySplit(const LocatedFile& file, ImageFinder* finder, SampleSet* set) {
  const int32_t origin = AddOrigin(set, file.tree->Describe(file.file));
  ASSIGN_OR_RETURN(std::vector<CaptionedImage> images, ReadKarpathyImages(file, set));
  for (CaptionedImage& image : images) {
    if (image.split == "val") continue;
    const bool test = image.split == "test";
    if (!test && image.split != "train" && image.split != "restval") {
      RETURN_IF_ERROR(Skip(set, set->origins[static_cast<size_t>(origin)], 0,
                           absl::StrCat("image ", image.file, ": split \"", image.split,
                                        "\"; expected train, restval, val or test")));
      continue;
    }
    RETURN_IF_ERROR(
        AddPairs(std::move(image), origin, finder, set, test ? &set->test : &set->train));
  }
  return absl::OkStatus();
}

}  // namespace tributary
