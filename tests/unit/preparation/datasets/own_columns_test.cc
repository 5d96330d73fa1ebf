#include "preparation/datasets/own_columns.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Refusal(const absl::StatusOr<OwnColumns>& columns) {
  EXPECT_EQ(columns.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(columns.status().message());
}

TEST(OwnColumnsTest, ModalityFollowsFromTheColumnsThere) {
  EXPECT_EQ(ChooseColumns({"path", "text"}, {})->modality, Modality::kPair);
  EXPECT_EQ(ChooseColumns({"path", "label"}, {})->modality, Modality::kImage);
  EXPECT_EQ(ChooseColumns({"text", "label"}, {})->modality, Modality::kText);
  EXPECT_EQ(ChooseColumns({"path", "text", "label"}, {})->modality, Modality::kPair);
  EXPECT_THAT(Refusal(ChooseColumns({"path", "colour"}, {})), HasSubstr("path, colour"));
}

TEST(OwnColumnsTest, OtherNamesAreKnownTheRolesOwnFirst) {
  const auto columns = ChooseColumns({"Title", "FILENAME", "caption", "site", "fold"}, {});
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ(columns->path, 1u);
  EXPECT_EQ(columns->text, 2u);
  EXPECT_FALSE(columns->label.has_value());
  EXPECT_EQ(columns->owner, 3u);
  EXPECT_EQ(columns->split, 4u);
}

TEST(OwnColumnsTest, AColumnThatIsAskedForIsTaken) {
  const auto columns =
      ChooseColumns({"path", "text", "kind", "ward"}, {{"label", "kind"}, {"owner", "ward"}});
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ(columns->label, 2u);
  EXPECT_EQ(columns->owner, 3u);
}

TEST(OwnColumnsTest, ARoleCanBeLeftAside) {
  const auto columns = ChooseColumns({"path", "text", "label"}, {{"text", ""}});
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ(columns->modality, Modality::kImage);
  EXPECT_FALSE(columns->text.has_value());
}

TEST(OwnColumnsTest, AnUnknownRoleOrColumnIsTold) {
  EXPECT_THAT(Refusal(ChooseColumns({"text", "label"}, {{"colour", "text"}})),
              HasSubstr("path, text, label, owner, split"));
  EXPECT_THAT(Refusal(ChooseColumns({"text", "label"}, {{"label", "kind"}})),
              HasSubstr("no column \"kind\"; its columns are text, label"));
}

TEST(OwnColumnsTest, ClassesAreSortedAsNumbersIfAllAre) {
  EXPECT_THAT(SortedClasses({"10", "9", "10", "-1", "2.5"}), ElementsAre("-1", "2.5", "9", "10"));
  EXPECT_THAT(SortedClasses({"10", "9", "x"}), ElementsAre("10", "9", "x"));
  EXPECT_THAT(SortedClasses({"b", "a", "nan"}), ElementsAre("a", "b", "nan"));
  EXPECT_THAT(SortedClasses({}), ElementsAre());
}

}  // namespace
}  // namespace tributary
