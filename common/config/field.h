// Field: all that is said of one setting, in one place: its key, the member that holds it, what it
// may be, whether it changes the run's mathematics, whether it goes to clients, and what it means.
// A group of settings has one table of them. From the table come reading the run file, refusals,
// the run's fingerprint, the copy to clients and back (common/rpc/settings_proto.h), and the rows
// of docs/run-file.md. Defaults are the members' own.
//
//   FieldTable<EvaluationConfig>{
//       WholeField("every", &EvaluationConfig::every, 1, 1'000'000, Mathematics::kNo, Clients::kNo,
//                  "rounds between evaluations; the last round is always evaluated"), ...}
//
// Neither Mathematics nor Clients has a default: a field that does not say does not compile.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/config/choice.h"
#include "common/config/value.h"

namespace tributary {

// Whether a run with another value is another run, whose state must not be continued.
enum class Mathematics {
  kNo,
  kYes,       // its value is part of the fingerprint
  kIndirect,  // what it leads to is: the content of the file that it names, other settings
};

// Whether clients learn of it.
enum class Clients {
  kNo,
  kYes,       // its value is copied into the field of the same name of the group's message
  kIndirect,  // by code of its own, in another form: a time left, a shape, the rate of a round
};

struct FieldSpec {
  FieldSpec(std::string key_text, ValueRange value_range, Mathematics changes, Clients told,
            std::string meaning_text)
      : key(std::move(key_text)),
        range(std::move(value_range)),
        mathematics(changes),
        clients(told),
        meaning(std::move(meaning_text)),
        wire_name(key),
        wire_range(range) {}

  std::string key;  // in its section of the run file
  ValueRange range;
  Mathematics mathematics;
  Clients clients;
  std::string meaning;        // one sentence; Markdown
  std::string wire_name;      // of the proto field
  ValueRange wire_range;      // that a client accepts
  std::string shown_default;  // in the documentation, in place of the value
  bool required = false;      // it has no default: the run file must give it
};

// A setting of the struct Settings.
template <typename Settings>
struct Field {
  FieldSpec spec;
  std::function<Value(const Settings&)> get;
  // The value must be within spec.range.
  std::function<void(const Value&, Settings*)> set;
  // Called when the run file's value, if any, was set and before the fields after it are read: a
  // preset of them. May be empty.
  std::function<void(Settings*)> preset = nullptr;

  // The proto field's name where it is not the key.
  Field WireName(std::string name) && {
    spec.wire_name = std::move(name);
    return std::move(*this);
  }
  // What a client accepts where that is not what the run file may say.
  Field WireRange(ValueRange range) && {
    spec.wire_range = std::move(range);
    return std::move(*this);
  }
  Field ShownDefault(std::string text) && {
    spec.shown_default = std::move(text);
    return std::move(*this);
  }
  Field Required() && {
    spec.required = true;
    spec.shown_default = "required";
    return std::move(*this);
  }
  Field Preset(std::function<void(Settings*)> apply) && {
    preset = std::move(apply);
    return std::move(*this);
  }
};

template <typename Settings>
using FieldTable = std::vector<Field<Settings>>;

// A field whose value is held as it is.
template <typename Settings, typename Member>
Field<Settings> PlainField(FieldSpec spec, Member Settings::*member) {
  return {std::move(spec), [member](const Settings& settings) { return Value(settings.*member); },
          [member](const Value& value, Settings* settings) {
            settings->*member = std::get<Member>(value);
          }};
}

template <typename Settings>
Field<Settings> FlagField(std::string key, bool Settings::*member, Mathematics mathematics,
                          Clients clients, std::string meaning) {
  return PlainField({std::move(key), FlagRange{}, mathematics, clients, std::move(meaning)},
                    member);
}

template <typename Settings>
Field<Settings> TextField(std::string key, std::string Settings::*member, Mathematics mathematics,
                          Clients clients, std::string meaning) {
  return PlainField({std::move(key), TextRange{}, mathematics, clients, std::move(meaning)},
                    member);
}

template <typename Settings>
Field<Settings> NumberField(std::string key, double Settings::*member, double least, double most,
                            Mathematics mathematics, Clients clients, std::string meaning) {
  return PlainField(
      {std::move(key), NumberRange{least, most}, mathematics, clients, std::move(meaning)}, member);
}

template <typename Settings>
Field<Settings> TimeField(std::string key, absl::Duration Settings::*member, absl::Duration least,
                          absl::Duration most, Mathematics mathematics, Clients clients,
                          std::string meaning) {
  return PlainField(
      {std::move(key), TimeRange{least, most}, mathematics, clients, std::move(meaning)}, member);
}

// `Whole`: an integer type that holds `least` to `most`.
template <typename Settings, typename Whole>
Field<Settings> WholeField(std::string key, Whole Settings::*member, int64_t least, int64_t most,
                           Mathematics mathematics, Clients clients, std::string meaning) {
  return {
      {std::move(key), WholeRange{least, most}, mathematics, clients, std::move(meaning)},
      [member](const Settings& settings) { return Value(static_cast<int64_t>(settings.*member)); },
      [member](const Value& value, Settings* settings) {
        settings->*member = static_cast<Whole>(std::get<int64_t>(value));
      }};
}

// One of `choices`, in the order in which messages list them.
template <typename Settings, typename T>
Field<Settings> WordField(std::string key, T Settings::*member, std::vector<Choice<T>> choices,
                          Mathematics mathematics, Clients clients, std::string meaning) {
  WordRange range;
  for (const Choice<T>& choice : choices) range.words.emplace_back(choice.word);
  return {{std::move(key), std::move(range), mathematics, clients, std::move(meaning)},
          [member, choices](const Settings& settings) {
            return Value(std::string(WordOf<T>(settings.*member, choices)));
          },
          [member, choices](const Value& value, Settings* settings) {
            for (const Choice<T>& choice : choices) {
              if (choice.word == std::get<std::string>(value)) settings->*member = choice.value;
            }
          }};
}

template <typename Settings, typename T, size_t N>
Field<Settings> WordField(std::string key, T Settings::*member,
                          const std::array<Choice<T>, N>& choices, Mathematics mathematics,
                          Clients clients, std::string meaning) {
  return WordField(std::move(key), member, std::vector<Choice<T>>(choices.begin(), choices.end()),
                   mathematics, clients, std::move(meaning));
}

// The fields of a part of a larger struct, as fields of that. `reach`: the member that is the part,
// or a function from the larger struct to it that takes `auto&` and returns `auto&`.
template <typename Outer, typename Inner, typename Reach>
FieldTable<Outer> FieldsThrough(Reach reach, const FieldTable<Inner>& inner) {
  FieldTable<Outer> fields;
  for (const Field<Inner>& field : inner) {
    Field<Outer> reached = {
        field.spec,
        [reach, get = field.get](const Outer& outer) { return get(std::invoke(reach, outer)); },
        [reach, set = field.set](const Value& value, Outer* outer) {
          set(value, &std::invoke(reach, *outer));
        }};
    if (field.preset) {
      reached.preset = [reach, preset = field.preset](Outer* outer) {
        preset(&std::invoke(reach, *outer));
      };
    }
    fields.push_back(std::move(reached));
  }
  return fields;
}

// `first`, then `second`.
template <typename Settings>
FieldTable<Settings> Joined(FieldTable<Settings> first, const FieldTable<Settings>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace tributary
