#include "preparation/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// `classes` classes; training sample i is of class i % classes, of owner "even" or "odd", and has i
// words.
SampleSet Texts(int samples, int classes) {
  SampleSet set;
  set.modality = Modality::kText;
  for (int i = 0; i < classes; ++i) set.classes.push_back(absl::StrCat("class", i));
  for (int i = 0; i < samples; ++i) {
    Sample sample;
    sample.label = i % std::max(classes, 1);
    sample.owner = i % 2 == 0 ? "even" : "odd";
    for (int word = 0; word < i; ++word) absl::StrAppend(&sample.text, "word ");
    set.train.push_back(sample);
  }
  set.test = {set.train[0], set.train[1]};
  return set;
}

TEST(PrepareReportTest, CountsWhatEachClientHolds) {
  const SampleSet set = Texts(6, 2);
  const auto report = MakePrepareReport("news", set, {{0, 2, 4}, {1, 3}}, {0, 1}, {{"a", "b"}});
  EXPECT_EQ(report["dataset"], "news");
  EXPECT_EQ(report["modality"], "text");
  EXPECT_EQ(report["samples"], 5);
  EXPECT_EQ(report["test_samples"], 2);
  EXPECT_EQ(report["classes"], 2);
  EXPECT_EQ(report["clients"][0]["id"], "client-00");
  EXPECT_EQ(report["clients"][0]["class_counts"], nlohmann::json({3, 0}));
  EXPECT_EQ(report["clients"][1]["class_counts"], nlohmann::json({0, 2}));
  EXPECT_EQ(report["clients"][1]["owners"], nlohmann::json::array({"odd"}));
  EXPECT_EQ(report["test_class_counts"], nlohmann::json({1, 1}));
  EXPECT_DOUBLE_EQ(report["divergence"]["mean"], 1.0);  // no class in common
  EXPECT_EQ(report["text_words"]["least"], 0);
  EXPECT_EQ(report["text_words"]["most"], 4);
  EXPECT_DOUBLE_EQ(report["text_words"]["mean"], 2.0);
}

TEST(PrepareReportTest, TheDigestFollowsTheFiles) {
  const SampleSet set = Texts(2, 1);
  const auto digest = [&](const nlohmann::json& files) {
    return MakePrepareReport("news", set, {{0}, {1}}, {}, files)["digest"];
  };
  EXPECT_EQ(digest({{"a.shard", "1"}}), digest({{"a.shard", "1"}}));
  EXPECT_NE(digest({{"a.shard", "1"}}), digest({{"a.shard", "2"}}));
}

TEST(PrepareReportTest, OnlyWhatAModalityHasIsReported) {
  SampleSet pairs = Texts(2, 0);
  pairs.modality = Modality::kPair;
  const auto of_pairs = MakePrepareReport("p", pairs, {{0, 1}}, {}, {});
  EXPECT_FALSE(of_pairs.contains("divergence"));
  EXPECT_TRUE(of_pairs.contains("text_words"));
  SampleSet images = Texts(2, 1);
  images.modality = Modality::kImage;
  const auto of_images = MakePrepareReport("i", images, {{0, 1}}, {}, {});
  EXPECT_TRUE(of_images.contains("divergence"));
  EXPECT_FALSE(of_images.contains("text_words"));
}

TEST(PrepareReportTest, ReasonsAreCountedAndTheirNumberBounded) {
  SampleSet set = Texts(2, 1);
  for (int i = 0; i < 3; ++i) set.skipped.push_back({"f", i, "a blank image"});
  EXPECT_EQ(MakePrepareReport("n", set, {{0}}, {}, {})["skipped_by_reason"],
            nlohmann::json({{"a blank image", 3}}));
  for (int i = 0; i < 100; ++i)
    set.skipped.push_back({"f", i, absl::StrCat("image ", i, " is gone")});
  const auto report = MakePrepareReport("n", set, {{0}}, {}, {});
  EXPECT_EQ(report["skipped"], 103);
  EXPECT_EQ(report["skipped_by_reason"].size(), 26U);
}

TEST(PrepareTableTest, FewClassesAreColumns) {
  SampleSet set = Texts(6, 2);
  set.skipped = {{"f", 1, "empty text"}};
  const auto report = MakePrepareReport("news", set, {{0, 2, 4}, {1, 3}}, {0, 1}, {});
  const std::string table = PrepareTable(report);
  EXPECT_THAT(table, HasSubstr("news (text): 5 training samples, 2 test samples, 1 skipped\n"));
  EXPECT_THAT(table, HasSubstr("  skipped 1: empty text\n"));
  EXPECT_THAT(table, HasSubstr("words in a text: 0 to 4, 2.0 on the average"));
  EXPECT_THAT(table, HasSubstr("classes: class0, class1"));
  EXPECT_THAT(table, HasSubstr("  client-00        3    3    0\n"));
  EXPECT_THAT(table, HasSubstr("1.000 bits on the average"));
  EXPECT_THAT(table, Not(HasSubstr("prepared before")));
}

TEST(PrepareTableTest, ManyClassesAreBars) {
  const SampleSet set = Texts(54, 27);
  Partition train = {{}, {0, 27, 1}};
  for (int64_t i = 0; i < 54; ++i) train[0].push_back(i);
  const std::string table = PrepareTable(MakePrepareReport("news", set, train, {}, {}));
  EXPECT_THAT(table, Not(HasSubstr("classes: ")));
  EXPECT_THAT(table, HasSubstr("client-00       54   27  █"));
  EXPECT_THAT(table, HasSubstr("client-01        3    2  █▄ "));
}

TEST(PrepareTableTest, AClientsOwnersAreShownAndWhatWasThereBeforeIsSaid) {
  SampleSet pairs = Texts(4, 0);
  pairs.modality = Modality::kPair;
  auto report = MakePrepareReport("p", pairs, {{0, 1, 2, 3}, {1}}, {}, {});
  report["fresh"] = false;
  const std::string table = PrepareTable(report);
  EXPECT_THAT(table, HasSubstr("(prepared before)"));
  EXPECT_THAT(table, HasSubstr("client-00        4  even, odd\n"));
  EXPECT_THAT(table, HasSubstr("client-01        1  odd\n"));
}

TEST(PrepareReportTest, ClassesThatCannotBeLearnedOrTestedAreNoted) {
  SampleSet set = Texts(6, 3);
  set.notes = {"of the set"};
  const auto report = MakePrepareReport("news", set, {{0, 3}, {1, 4}}, {0}, {});
  EXPECT_EQ(report["notes"],
            nlohmann::json({"of the set", "classes that no client holds a sample of: class2",
                            "classes that the test holds no sample of: class1, class2",
                            "clients that hold samples of one class alone: client-00, client-01"}));
  EXPECT_THAT(PrepareTable(report), HasSubstr("\n  note: of the set\n"));
  EXPECT_THAT(MakePrepareReport("n", Texts(2, 1), {{0}}, {0}, {})["notes"][0].get<std::string>(),
              HasSubstr("one class only, class0"));
  EXPECT_TRUE(MakePrepareReport("n", Texts(4, 2), {{0, 1}}, {0, 1}, {})["notes"].empty());
}

}  // namespace
}  // namespace tributary
