#include "preparation/files/json_value.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

using nlohmann::json;

// "syntax error while parsing value - invalid literal", without the library's number in front and
// the bytes behind, of which there may be very many.
std::string ShortReason(absl::string_view what) {
  what = what.substr(0, what.find("; last read"));
  const size_t column = what.find("column ");
  const size_t begin =
      column == absl::string_view::npos ? what.find("] ") : what.find(": ", column);
  if (begin != absl::string_view::npos) what.remove_prefix(begin + 2);
  return std::string(what.substr(0, 200));
}

class SmallJson : public JsonEvents {
 public:
  bool key(string_t& key) override {
    builder_.Key(key);
    return true;
  }
  json Take() { return builder_.Take(); }

 protected:
  bool Value(json value) override {
    return builder_.Add(std::move(value)) != nullptr || Refuse(TooLarge());
  }
  bool Open(json container) override {
    return builder_.Open(std::move(container)) || Refuse(TooLarge());
  }
  bool Close() override {
    builder_.Close();
    return true;
  }

 private:
  ValueBuilder builder_;
};

}  // namespace

// Pointers into the tree stay valid while it grows: only the innermost open container gets new
// values, so that no container moves which has an open one inside.
json* ValueBuilder::Add(json value) {
  if (++values_ > kMostJsonValues) return nullptr;
  if (open_.empty()) {
    root_ = std::move(value);
    return &root_;
  }
  if (open_.back()->is_object()) return &(*key_ = std::move(value));
  open_.back()->push_back(std::move(value));
  return &open_.back()->back();
}

bool ValueBuilder::Open(json container) {
  json* const added = Add(std::move(container));
  if (added == nullptr || open_.size() == kMostJsonDepth) return false;
  open_.push_back(added);
  return true;
}

json ValueBuilder::Take() {
  values_ = 0;
  return std::exchange(root_, json());
}

bool JsonEvents::parse_error(std::size_t position, const std::string&,
                             const json::exception& error) {
  position_ = position;
  reason_ = ShortReason(error.what());
  return false;
}

std::string JsonEvents::TooLarge() {
  return absl::StrCat("a value with more than ", kMostJsonValues, " values within or ",
                      kMostJsonDepth, " levels");
}

absl::StatusOr<json> ParseSmallJson(absl::string_view text) {
  SmallJson events;
  if (json::sax_parse(text.begin(), text.end(), &events)) return events.Take();
  return absl::InvalidArgumentError(
      events.position() == 0
          ? events.reason()
          : absl::StrCat("broken JSON at byte ", events.position(), ": ", events.reason()));
}

std::string TextAt(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool NumberAt(const json& object, const char* key, int64_t* number) {
  if (!object.is_object()) return false;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return false;
  *number = found->get<int64_t>();
  return true;
}

}  // namespace tributary
