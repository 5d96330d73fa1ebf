#include "preparation/files/json_stream.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "preparation/files/json_value.h"

namespace tributary {
namespace {

using nlohmann::json;

constexpr size_t kMostKeys = 100;  // of the outermost object, that a message may list

// Follows the parser's events and builds values only of the elements that somebody wants.
//
// depth_ counts open containers: at 1 the keys of the outermost object come, at 2 the elements of
// the member that was named last. builder_ is in use from an element's first bracket to its last.
class ArrayVisitor : public JsonEvents {
 public:
  explicit ArrayVisitor(const std::vector<JsonArray>& arrays) : arrays_(arrays) {}

  bool key(string_t& key) override {
    if (builder_.building()) {
      builder_.Key(key);
    } else if (depth_ == 1) {
      if (keys_.size() < kMostKeys) keys_.push_back(key.substr(0, 100));
      const auto found = std::find_if(arrays_.begin(), arrays_.end(),
                                      [&](const JsonArray& array) { return array.key == key; });
      member_ = found == arrays_.end() ? nullptr : &*found;
    }
    return true;
  }
  bool outermost_is_object() const { return outermost_is_object_; }
  const std::set<std::string>& seen() const { return seen_; }
  const std::vector<std::string>& keys() const { return keys_; }

 protected:
  bool Value(json value) override {
    if (!wanted_) return true;
    if (builder_.Add(std::move(value)) == nullptr) return RefuseElement();
    VisitIfWhole();
    return true;
  }
  bool Open(json container) override {
    if (++depth_ > kMostJsonDepth) return Refuse(TooLarge());
    if (depth_ == 1) {
      outermost_is_object_ = container.is_object();
    } else if (depth_ == 2 && outermost_is_object_) {
      // A member of a wanted name that is an object has no elements, and counts as missing.
      wanted_ = container.is_array() ? member_ : nullptr;
      elements_ = 0;
      if (wanted_) seen_.insert(wanted_->key);
    } else if (wanted_ && !builder_.Open(std::move(container))) {
      return RefuseElement();
    }
    return true;
  }
  bool Close() override {
    --depth_;
    if (builder_.building()) {
      builder_.Close();
      VisitIfWhole();
    } else {
      wanted_ = nullptr;  // the member itself is closed
    }
    return true;
  }

 private:
  void VisitIfWhole() {
    if (builder_.building()) return;
    wanted_->visit(builder_.Take());
    ++elements_;
  }
  bool RefuseElement() {
    return Refuse(
        absl::StrCat("element ", elements_ + 1, " of \"", wanted_->key, "\": ", TooLarge()));
  }

  const std::vector<JsonArray>& arrays_;
  ValueBuilder builder_;
  size_t depth_ = 0;
  bool outermost_is_object_ = false;
  const JsonArray* member_ = nullptr;  // of the last key of the outermost object
  const JsonArray* wanted_ = nullptr;  // whose elements come now
  size_t elements_ = 0;                // of it, so far
  std::set<std::string> seen_;
  std::vector<std::string> keys_;
};

}  // namespace

absl::Status VisitJsonArrays(absl::string_view text, const std::string& name,
                             const std::vector<JsonArray>& arrays) {
  ArrayVisitor visitor(arrays);
  if (!json::sax_parse(text.begin(), text.end(), &visitor)) {
    // Without a position the visitor itself has refused: too deep, or an element too large.
    if (visitor.position() == 0)
      return absl::DataLossError(absl::StrCat(name, ": ", visitor.reason()));
    const size_t byte = std::min(visitor.position(), text.size());
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(byte), '\n');
    return absl::DataLossError(absl::StrCat(
        name, ": broken JSON at byte ", visitor.position(), " (line ", line,
        "): ", visitor.reason(), byte < visitor.position() ? "; the file is cut short" : ""));
  }
  for (const JsonArray& array : arrays) {
    if (visitor.seen().contains(array.key)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": has no array \"", array.key, "\"; ",
                     visitor.outermost_is_object()
                         ? absl::StrCat("its keys are ", absl::StrJoin(visitor.keys(), ", "))
                         : "it is no object"));
  }
  return absl::OkStatus();
}

}  // namespace tributary
