#include "preparation/datasets/webdataset.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/captioned_images.h"
#include "preparation/datasets/own_encoding.h"
#include "preparation/datasets/own_labels.h"
#include "preparation/files/json_value.h"
#include "preparation/files/utf8.h"

namespace tributary {
namespace {

constexpr uint64_t kLongestText = 1 << 20;  // of a caption, a class or an object

// The files of one sample, by their numbers in the archive's tree.
struct Member {
  std::optional<size_t> image, text, object, label;
};

// What a sample is, but for its image's pixels.
struct Content {
  std::vector<std::string> texts;
  std::string label;
};

struct Archive {
  std::shared_ptr<const FileTree> tree;
  int32_t origin = 0;
  bool test = false, validation = false;
  std::map<std::string, Member> members{};  // by key
};

bool IsImage(const std::string& extension) {
  static const std::vector<std::string> kExtensions = {"jpg", "jpeg", "png",  "webp", "gif",
                                                       "bmp", "tif",  "tiff", "jp2",  "dcm"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::map<std::string, Member> MembersOf(const FileTree& tree) {
  std::map<std::string, Member> members;
  for (size_t file = 0; file < tree.names().size(); ++file) {
    const std::string& name = tree.names()[file];
    const size_t slash = name.rfind('/');
    const size_t dot = name.find('.', slash == std::string::npos ? 0 : slash + 1);
    if (dot == std::string::npos) continue;
    const std::string extension = absl::AsciiStrToLower(name.substr(dot + 1));
    Member& member = members[name.substr(0, dot)];
    if (IsImage(extension)) {
      member.image = file;
    } else if (extension == "txt" || extension == "caption") {
      member.text = file;
    } else if (extension == "json") {
      member.object = file;
    } else if (extension == "cls") {
      member.label = file;
    }
  }
  return members;
}

absl::StatusOr<std::vector<std::string>> ListTars(const std::string& root) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(root, error)) return std::vector<std::string>{root};
  std::vector<std::string> paths;
  fs::directory_iterator entries(root, error);
  for (const fs::directory_iterator end; !error && entries != end; entries.increment(error)) {
    const std::string path = entries->path().string();
    for (const char* ending : {".tar", ".tar.gz", ".tgz"}) {
      if (absl::EndsWithIgnoreCase(path, ending)) paths.push_back(path);
    }
  }
  if (error) return absl::InternalError(absl::StrCat(root, ": ", error.message()));
  if (paths.empty()) {
    return absl::NotFoundError(absl::StrCat(root, ": holds no .tar, .tar.gz or .tgz"));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The value at the first of `keys` that the object has, as texts.
std::vector<std::string> TextsAt(const nlohmann::json& object,
                                 const std::vector<const char*>& keys) {
  for (const char* key : keys) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) continue;
    std::vector<std::string> texts;
    for (const nlohmann::json& one : found->is_array() ? *found : nlohmann::json::array({*found})) {
      if (one.is_string()) texts.push_back(one.get<std::string>());
      if (one.is_number() || one.is_boolean()) texts.push_back(one.dump());
    }
    return texts;
  }
  return {};
}

class Reader {
 public:
  Reader(const DatasetSource& source, SampleSet* set)
      : source_(source), set_(set), draws_(source.seed, "webdataset.test") {}

  absl::Status Read() {
    RETURN_IF_ERROR(OpenAll());
    RETURN_IF_ERROR(ChooseModality());
    for (const Archive& archive : archives_) {
      for (const auto& [key, member] : archive.members) {
        RETURN_IF_ERROR(Add(archive, key, member));
      }
    }
    if (set_->modality != Modality::kPair)
      RETURN_IF_ERROR(labels_.NameClasses(source_.classes, set_));
    return losses_.Report(set_);
  }

 private:
  absl::Status OpenAll() {
    ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTars(source_.root));
    for (const std::string& path : paths) {
      Archive& archive = archives_.emplace_back();
      ASSIGN_OR_RETURN(archive.tree, FileTree::Open(path, source_.scratch));
      archive.origin = AddOrigin(set_, path);
      archive.members = MembersOf(*archive.tree);
      const std::string name =
          absl::AsciiStrToLower(std::filesystem::path(path).filename().string());
      archive.test = absl::StartsWith(name, "test");
      archive.validation = absl::StartsWith(name, "val");
      any_test_ = any_test_ || archive.test;
      any_validation_ = any_validation_ || archive.validation;
      set_->trees.push_back(archive.tree);
    }
    return absl::OkStatus();
  }

  // By all samples and not by the first: one that lacks its caption does not make them images.
  absl::Status ChooseModality() {
    bool images = false, texts = false, classes = false;
    for (const Archive& archive : archives_) {
      for (const auto& [key, member] : archive.members) {
        images = images || member.image;
        texts = texts || member.text;
        classes = classes || member.label;
        if (!member.object || (images && texts)) continue;
        const Content content = ContentOf(archive, member).value_or(Content());
        texts = texts || !content.texts.empty();
        classes = classes || !content.label.empty();
      }
    }
    if ((images ? 1 : 0) + (texts ? 1 : 0) + (classes ? 1 : 0) < 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          source_.root, ": no samples of two of image, text and class; expected files such as ",
          "KEY.jpg with KEY.txt, KEY.cls or KEY.json"));
    }
    set_->modality = images && texts ? Modality::kPair
                     : images        ? Modality::kImage
                                     : Modality::kText;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> TextOf(const Archive& archive, size_t file) {
    ASSIGN_OR_RETURN(const uint64_t size, archive.tree->Size(file));
    if (size > kLongestText) {
      return absl::NotFoundError(
          absl::StrCat(archive.tree->names()[file], ": longer than ", kLongestText, " bytes"));
    }
    ASSIGN_OR_RETURN(std::string text, archive.tree->Read(file));
    const std::string broken = DescribeBrokenUtf8(text);
    if (!broken.empty()) {
      return absl::NotFoundError(absl::StrCat(archive.tree->names()[file], ": ", broken));
    }
    absl::StripAsciiWhitespace(&text);
    return text;
  }

  // NotFound says why the sample cannot be used.
  absl::StatusOr<Content> ContentOf(const Archive& archive, const Member& member) {
    Content content;
    if (member.object) {
      ASSIGN_OR_RETURN(const std::string text, TextOf(archive, *member.object));
      const absl::StatusOr<nlohmann::json> object = ParseSmallJson(text);
      if (!object.ok() || !object->is_object()) {
        return absl::NotFoundError(
            absl::StrCat(archive.tree->names()[*member.object], ": no JSON object",
                         object.ok() ? "" : absl::StrCat(": ", object.status().message())));
      }
      content.texts = TextsAt(*object, {"text", "caption", "captions"});
      const std::vector<std::string> labels = TextsAt(*object, {"label", "cls", "class"});
      if (labels.size() == 1) content.label = labels[0];
    }
    // A file of its own goes before the object, which often holds what the caption was made of.
    if (member.text) {
      ASSIGN_OR_RETURN(std::string text, TextOf(archive, *member.text));
      content.texts = {std::move(text)};
    }
    if (member.label) {
      ASSIGN_OR_RETURN(content.label, TextOf(archive, *member.label));
    }
    for (std::string& text : content.texts) absl::StripAsciiWhitespace(&text);
    return content;
  }

  absl::Status Add(const Archive& archive, const std::string& key, const Member& member) {
    const auto leave = [&](absl::string_view why) {
      return Skip(set_, archive.tree->path(), 0, absl::StrCat("sample ", key, ": ", why));
    };
    const absl::StatusOr<Content> content = ContentOf(archive, member);
    if (absl::IsNotFound(content.status())) {
      if (absl::StrContains(content.status().message(), "broken UTF-8")) losses_.Note("");
      return leave(content.status().message());
    }
    RETURN_IF_ERROR(content.status());
    const bool with_image = set_->modality != Modality::kText;
    if (with_image && !member.image) return leave("no image");
    Sample sample;
    sample.origin = archive.origin;
    if (set_->modality != Modality::kPair) {
      if (content->label.empty()) return leave("no class");
      sample.label = labels_.NumberOf(content->label);
    }
    std::vector<std::string> texts = content->texts;
    if (set_->modality == Modality::kImage) texts = {""};
    const bool empty = std::any_of(texts.begin(), texts.end(),
                                   [](const std::string& text) { return text.empty(); });
    if (set_->modality != Modality::kImage && (texts.empty() || empty)) return leave("no text");
    if (with_image) {
      sample.image = static_cast<int64_t>(set_->images.size());
      const auto tree = static_cast<uint32_t>(&archive - archives_.data());
      set_->images.push_back({.tree = tree, .file = static_cast<uint32_t>(*member.image)});
    }
    std::vector<Sample>* const part = PartOf(archive);
    if (part == nullptr) return absl::OkStatus();
    for (std::string& text : texts) {
      sample.text = std::move(text);
      part->push_back(sample);
    }
    return absl::OkStatus();
  }

  // Null for validation beside a test.
  std::vector<Sample>* PartOf(const Archive& archive) {
    if (archive.test) return &set_->test;
    if (archive.validation) return any_test_ ? nullptr : &set_->test;
    if (any_test_ || any_validation_) return &set_->train;
    return draws_.Uniform() < source_.test_share ? &set_->test : &set_->train;
  }

  const DatasetSource& source_;
  SampleSet* const set_;
  RandomStream draws_;
  std::vector<Archive> archives_;
  bool any_test_ = false, any_validation_ = false;
  OwnLabels labels_;
  EncodingLosses losses_;
};

}  // namespace

absl::StatusOr<SampleSet> ReadWebDataset(const DatasetSource& source) {
  SampleSet set;
  RETURN_IF_ERROR(Reader(source, &set).Read());
  return set;
}

}  // namespace tributary
