// Settings to and from protocol messages, by the tables of fields: a field of Clients::kYes travels
// in the proto field of its name. What comes from the wire is checked by the same ranges as a run
// file.
#pragma once

#include <optional>
#include <string>

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/config/field.h"
#include "common/config/settings_group.h"

namespace tributary {

// Sets the proto field of `spec`. The message must have it, of a type that holds the value: that is
// a matter of the code, so anything else ends the program.
void WriteField(const FieldSpec& spec, const Value& value, google::protobuf::Message* message);

// The value of the proto field of `spec`; nothing if the field is `optional` and absent.
// InvalidArgument, beginning with "<what><name> is", for a value out of range.
absl::StatusOr<std::optional<Value>> ReadField(const FieldSpec& spec,
                                               const google::protobuf::Message& message,
                                               absl::string_view what);

template <typename Settings>
void WriteFields(const FieldTable<Settings>& fields, const Settings& settings,
                 google::protobuf::Message* message) {
  for (const Field<Settings>& field : fields) {
    if (field.spec.clients != Clients::kYes) continue;
    WriteField(field.spec, field.get(settings), message);
  }
}

// Fields that do not travel, and those that are `optional` and absent, stay as they are in
// `settings`.
template <typename Settings>
absl::Status ReadFields(const FieldTable<Settings>& fields,
                        const google::protobuf::Message& message, absl::string_view what,
                        Settings* settings) {
  for (const Field<Settings>& field : fields) {
    if (field.spec.clients != Clients::kYes) continue;
    ASSIGN_OR_RETURN(const std::optional<Value> value, ReadField(field.spec, message, what));
    if (value.has_value()) field.set(*value, settings);
  }
  return absl::OkStatus();
}

// Writes the settings of all of the run's groups whose message is `name` or lies below it
// ("training", "training.augmentation") into `message`, which is the one of that name.
void WriteSettings(const RunConfig& config, absl::string_view name,
                   google::protobuf::Message* message);

}  // namespace tributary
