#include "common/rpc/settings_proto.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/logging.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tributary {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor& Descriptor(const std::string& name, const Message& message) {
  const FieldDescriptor* found = message.GetDescriptor()->FindFieldByName(name);
  GOOGLE_CHECK(found != nullptr) << message.GetTypeName() << " has no field " << name;
  return *found;
}

// The message at the end of the path `below`, such as "augmentation", made if it is not there.
Message* Below(absl::string_view below, Message* message) {
  for (const absl::string_view name : absl::StrSplit(below, '.', absl::SkipEmpty())) {
    message =
        message->GetReflection()->MutableMessage(message, &Descriptor(std::string(name), *message));
  }
  return message;
}

}  // namespace

void WriteField(const FieldSpec& spec, const Value& value, Message* message) {
  const FieldDescriptor& field = Descriptor(spec.wire_name, *message);
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(message, &field, std::get<bool>(value));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(message, &field, static_cast<uint32_t>(std::get<int64_t>(value)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(message, &field, std::get<double>(value));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(message, &field, std::get<std::string>(value));
    default:
      GOOGLE_LOG(FATAL) << field.full_name() << " has a type that no setting has";
  }
}

absl::StatusOr<std::optional<Value>> ReadField(const FieldSpec& spec, const Message& message,
                                               absl::string_view what) {
  const FieldDescriptor& field = Descriptor(spec.wire_name, message);
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field.has_presence() && !reflection.HasField(message, &field)) return std::nullopt;
  Value value;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      value = reflection.GetBool(message, &field);
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      value = static_cast<int64_t>(reflection.GetUInt32(message, &field));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      value = reflection.GetDouble(message, &field);
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      value = reflection.GetString(message, &field);
      break;
    default:
      GOOGLE_LOG(FATAL) << field.full_name() << " has a type that no setting has";
  }
  const std::string complaint = Complaint(value, spec.wire_range);
  if (complaint.empty()) return value;
  return absl::InvalidArgumentError(absl::StrCat(what, spec.wire_name, " ", complaint));
}

void WriteSettings(const RunConfig& config, absl::string_view name, Message* message) {
  const std::string prefix = absl::StrCat(name, ".");
  for (const SettingsGroup* group : GroupsOf(config)) {
    const std::string path = absl::StrCat(group->message, ".");
    if (!absl::StartsWith(path, prefix)) continue;
    WriteFields(group->fields, config, Below(path.substr(prefix.size()), message));
  }
}

}  // namespace tributary
