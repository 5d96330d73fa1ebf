#include "common/data/schema.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Schema Scans() {
  return {.dataset = "scans",
          .modality = Modality::kImage,
          .classes = {"normal", "pneumonia"},
          .image_size = 32,
          .channels = 1,
          .mean = {0.5F},
          .deviation = {0.25F},
          .max_tokens = 40,
          .vocabulary = "ab12"};
}

class SchemaFileTest : public testing::Test {
 protected:
  absl::StatusOr<Schema> Read(const std::string& text) const {
    EXPECT_TRUE(WriteFileAtomically(path_, text).ok());
    return ReadSchema(path_);
  }
  // The message with which the schema is refused after `change`.
  std::string Refused(const std::function<void(nlohmann::json*)>& change) const {
    nlohmann::json json = SchemaToJson(Scans());
    change(&json);
    const absl::StatusOr<Schema> schema = Read(json.dump());
    EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_THAT(schema.status().message(), HasSubstr(path_));
    return std::string(schema.status().message());
  }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "scans.json";
};

TEST_F(SchemaFileTest, WhatIsWrittenIsReadBack) {
  const absl::StatusOr<Schema> back = Read(SchemaToJson(Scans()).dump(2));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(SchemaToJson(*back), SchemaToJson(Scans()));
  EXPECT_EQ(back->classes, Scans().classes);
  EXPECT_EQ(back->deviation, Scans().deviation);
  EXPECT_EQ(back->max_tokens, 40);
}

TEST_F(SchemaFileTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Refused([](auto* json) { json->erase("tributary_schema"); }),
              HasSubstr("`tributary schema` makes one"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["tributary_schema"] = 2; }), HasSubstr("is 2"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["dataset"] = ""; }), HasSubstr("dataset"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["modality"] = "sound"; }), HasSubstr("sound"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["classes"] = nlohmann::json::array(); }),
              HasSubstr("classes"));
  EXPECT_THAT(Refused([](auto* json) {
                (*json)["classes"] = {"a", "b", "a"};
              }),
              HasSubstr("\"a\" twice"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["classes"] = {"a", ""}; }), HasSubstr("empty name"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["modality"] = "pair"; }),
              HasSubstr("none for pairs"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["image"]["size"] = 0; }), HasSubstr("image.size"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["image"]["channels"] = 2; }), HasSubstr("1 or 3"));
  EXPECT_THAT(Refused([](auto* json) {
                (*json)["image"]["mean"] = {0.5, 0.5, 0.5};
              }),
              HasSubstr("one for each channel"));
  EXPECT_THAT(Refused([](auto* json) { (*json)["image"]["deviation"] = {0}; }),
              HasSubstr("image.deviation"));
  EXPECT_THAT(Refused([](auto* json) { json->erase("image"); }), HasSubstr("image"));
  EXPECT_THAT(Read("{").status().message(), HasSubstr("no schema"));
  EXPECT_THAT(Read("[]").status().message(), HasSubstr("no schema"));
  EXPECT_EQ(ReadSchema(scratch_ / "nothing.json").status().code(), absl::StatusCode::kNotFound);
}

TEST(SchemaTest, TheDigestIsOfWhatCountsForSamples) {
  const std::string digest = SchemaDigest(Scans());
  Schema other = Scans();
  other.max_tokens = 8;
  other.vocabulary = "cd34";
  EXPECT_EQ(SchemaDigest(other), digest) << "what texts become is the run's";
  for (const auto& change : std::initializer_list<std::function<void(Schema*)>>{
           [](Schema* schema) { schema->dataset = "x"; },
           [](Schema* schema) { std::swap(schema->classes[0], schema->classes[1]); },
           [](Schema* schema) { schema->image_size = 64; },
           [](Schema* schema) { schema->mean = {0.4F}; }}) {
    other = Scans();
    change(&other);
    EXPECT_NE(SchemaDigest(other), digest) << SchemaToJson(other);
  }
}

TEST(SchemaTest, AShardTellsItsSchema) {
  ShardInfo info;
  info.dataset = "words";
  info.modality = Modality::kText;
  info.classes = {"a", "b"};
  info.image_size = 32;  // means nothing for texts
  const Schema schema = SchemaOf(info);
  EXPECT_EQ(SchemaToJson(schema), nlohmann::json({{"tributary_schema", 1},
                                                  {"dataset", "words"},
                                                  {"modality", "text"},
                                                  {"classes", {"a", "b"}}}));
}

TEST(SameClassesTest, ADifferenceNamesBothLists) {
  EXPECT_TRUE(CheckSameClasses({"a", "b"}, "one", {"a", "b"}, "the other").ok());
  EXPECT_TRUE(CheckSameClasses({}, "one", {}, "the other").ok());
  const absl::Status order = CheckSameClasses({"a", "b"}, "its shard", {"b", "a"}, "the run");
  EXPECT_EQ(order.message(), "its shard has the classes [a, b] (2), the run [b, a] (2)");
  EXPECT_THAT(CheckSameClasses({"a"}, "one", {"a", "b"}, "the other").message(),
              AllOf(HasSubstr("[a] (1)"), HasSubstr("[a, b] (2)")));
}

TEST(SameClassesTest, OfLongListsWhatStandsAroundTheDifferenceIsShown) {
  std::vector<std::string> ours, theirs;
  for (int i = 0; i < 100; ++i) ours.push_back("c" + std::to_string(i));
  theirs = ours;
  theirs[60] = "other";
  const std::string message(CheckSameClasses(ours, "one", theirs, "two").message());
  EXPECT_THAT(message, AllOf(HasSubstr("[..., c54, c55, "), HasSubstr("c60"), HasSubstr("other"),
                             HasSubstr(", ...] (100)"), Not(HasSubstr("c80"))));
}

}  // namespace
}  // namespace tributary
