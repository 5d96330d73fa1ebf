// Values of JSON with bounds: how many values one may hold, and how deep.
//
// JsonEvents and ValueBuilder are what readers of larger JSON (json_stream.h) are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

inline constexpr size_t kMostJsonDepth = 32;
inline constexpr size_t kMostJsonValues = 100'000;

// `text` as one value, within the bounds above. InvalidArgument: why not, and at which byte.
absl::StatusOr<nlohmann::json> ParseSmallJson(absl::string_view text);

// The text at `key` of an object; empty if there is none or it is no text.
std::string TextAt(const nlohmann::json& object, const char* key);
// The whole number at `key`; false if there is none.
bool NumberAt(const nlohmann::json& object, const char* key, int64_t* number);

// Builds one value from events, within the bounds above.
class ValueBuilder {
 public:
  ValueBuilder() : root_(nullptr) {}
  // Holds pointers into itself.
  ValueBuilder(const ValueBuilder&) = delete;
  ValueBuilder& operator=(const ValueBuilder&) = delete;

  // Within a container that is not closed yet.
  bool building() const { return !open_.empty(); }
  // Puts `value` where it belongs. Null if it is one too many.
  nlohmann::json* Add(nlohmann::json value);
  // Adds an empty object or array for what comes next. False if it is one too many or too deep.
  bool Open(nlohmann::json container);
  // Names the next value of the open object.
  void Key(const std::string& key) { key_ = &(*open_.back())[key]; }
  void Close() { open_.pop_back(); }
  // The whole value; the next may follow. Requires !building().
  nlohmann::json Take();

 private:
  nlohmann::json root_;
  std::vector<nlohmann::json*> open_;  // containers from root_ inwards
  nlohmann::json* key_ = nullptr;      // where the open object's next value goes
  size_t values_ = 0;
};

// What readers of events share: how they refuse, and values of all kinds as one event.
class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Value(nullptr); }
  bool boolean(bool value) override { return Value(value); }
  bool number_integer(number_integer_t value) override { return Value(value); }
  bool number_unsigned(number_unsigned_t value) override { return Value(value); }
  bool number_float(number_float_t value, const string_t&) override { return Value(value); }
  bool string(string_t& value) override { return Value(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not in JSON
  bool start_object(std::size_t) override { return Open(nlohmann::json::object()); }
  bool start_array(std::size_t) override { return Open(nlohmann::json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override;

  // Why it ended early, and the byte before which it did, from 1; 0 if that is not known.
  const std::string& reason() const { return reason_; }
  size_t position() const { return position_; }

 protected:
  virtual bool Value(nlohmann::json value) = 0;
  virtual bool Open(nlohmann::json container) = 0;
  virtual bool Close() = 0;
  bool Refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }
  static std::string TooLarge();

 private:
  std::string reason_;
  size_t position_ = 0;
};

}  // namespace tributary
