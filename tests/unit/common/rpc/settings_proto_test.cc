#include "common/rpc/settings_proto.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "common/config/field.h"

namespace tributary {
namespace {

struct Settings {
  bool deprecated = true;
};

// A field of a message in which an absent value differs from false: as an older coordinator leaves
// out a key that it does not know.
TEST(SettingsProtoTest, AFieldThatIsNotThereIsLeftToItsDefault) {
  const Field<Settings> field = FlagField("deprecated", &Settings::deprecated, Mathematics::kNo,
                                          Clients::kYes, "for the test");
  google::protobuf::FieldOptions message;
  const absl::StatusOr<std::optional<Value>> absent = ReadField(field.spec, message, "");
  ASSERT_TRUE(absent.ok()) << absent.status();
  EXPECT_FALSE(absent->has_value());
  WriteField(field.spec, Value(false), &message);
  const absl::StatusOr<std::optional<Value>> told = ReadField(field.spec, message, "");
  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ(std::get<bool>(**told), false);
}

}  // namespace
}  // namespace tributary
