// What a section takes for a value of each type, and what it says of others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/config/section.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The message of what `read` finds wrong in `toml`; empty if nothing is.
template <typename Read>
std::string Wrong(const std::string& toml, const Read& read) {
  const auto table = ParseToml(toml, "f.toml");
  EXPECT_TRUE(table.ok()) << table.status();
  ConfigProblems problems("f.toml");
  Section section(&*table, "", &problems);
  read(section);
  section.Finish();
  EXPECT_TRUE(problems.status().ok() || absl::IsInvalidArgument(problems.status()));
  return std::string(problems.status().message());
}

TEST(SectionTextTest, TakesQuotedTextOnly) {
  std::string text = "before";
  const auto read = [&](Section& section) { section.Text("key", &text); };
  EXPECT_EQ(Wrong("key = \"new\"", read), "");
  EXPECT_EQ(text, "new");
  EXPECT_EQ(Wrong("key = \"\"", read), "");
  EXPECT_EQ(text, "");
  EXPECT_EQ(Wrong("\nkey = 3", read), "f.toml:2: key `key` must be text in quotes");
  EXPECT_EQ(text, "") << "a wrong value leaves the field as it was";
}

TEST(SectionListTest, TakesListsOfOneType) {
  std::vector<std::string> texts = {"before"};
  std::vector<int64_t> numbers = {7};
  const auto read = [&](Section& section) {
    section.Texts("texts", &texts);
    section.Wholes("numbers", &numbers, 0, 9);
  };
  EXPECT_EQ(Wrong("texts = [\"a\", \"b\"]\nnumbers = [0, 9]", read), "");
  EXPECT_THAT(texts, ElementsAre("a", "b"));
  EXPECT_THAT(numbers, ElementsAre(0, 9));
  EXPECT_EQ(Wrong("texts = []\nnumbers = []", read), "");
  EXPECT_THAT(texts, IsEmpty());
  EXPECT_THAT(numbers, IsEmpty());
  EXPECT_THAT(Wrong("texts = \"a\"", read), HasSubstr("must be a list of texts"));
  EXPECT_THAT(Wrong("texts = [\"a\", 1]", read), HasSubstr("must be a list of texts"));
  EXPECT_THAT(Wrong("numbers = 3", read), HasSubstr("whole numbers from 0 to 9"));
  EXPECT_THAT(Wrong("numbers = [3, 10]", read), HasSubstr("whole numbers from 0 to 9"));
  EXPECT_THAT(Wrong("numbers = [-1]", read), HasSubstr("whole numbers from 0 to 9"));
  EXPECT_THAT(Wrong("numbers = [1.0]", read), HasSubstr("whole numbers from 0 to 9"));
}

// What a section takes of `toml` for `key`; nothing if it is wrong or not there.
std::optional<Value> Taken(const std::string& toml, const ValueRange& range) {
  std::optional<Value> taken;
  Wrong(toml, [&](Section& section) { taken = section.Take("key", range); });
  return taken;
}
// What it says of it; empty if it is right.
std::string WrongValue(const std::string& toml, const ValueRange& range) {
  return Wrong(toml, [&](Section& section) { section.Take("key", range); });
}

TEST(SectionTakeTest, AKeyThatIsNotThereIsNoValueAndNoProblem) {
  for (const ValueRange& range : {ValueRange(FlagRange{}), ValueRange(TextRange{}),
                                  ValueRange(WholeRange{1, 2}), ValueRange(NumberRange{1, 2})}) {
    EXPECT_EQ(Taken("", range), std::nullopt);
    EXPECT_EQ(WrongValue("", range), "");
  }
}

TEST(SectionTakeTest, FlagsAreTrueOrFalse) {
  EXPECT_EQ(Taken("key = false", FlagRange{}), Value(false));
  for (const char* wrong : {"key = 1", "key = \"true\"", "key = [true]"}) {
    EXPECT_EQ(Taken(wrong, FlagRange{}), std::nullopt) << wrong;
    EXPECT_THAT(WrongValue(wrong, FlagRange{}), HasSubstr("must be true or false")) << wrong;
  }
}

TEST(SectionTakeTest, WholeNumbersAreWholeAndWithinTheirRange) {
  const WholeRange range{-3, 9};
  for (const int64_t good : {-3, 0, 9}) {
    EXPECT_EQ(Taken(absl::StrCat("key = ", good), range), Value(good));
  }
  EXPECT_EQ(WrongValue("key = 10", range),
            "f.toml:1: key `key` is 10; it must be a whole number from -3 to 9");
  EXPECT_THAT(WrongValue("key = -4", range), HasSubstr("is -4"));
  EXPECT_THAT(WrongValue("key = 2.0", range), HasSubstr("must be a whole number"));
  EXPECT_THAT(WrongValue("key = \"2\"", range), HasSubstr("must be a whole number"));
}

TEST(SectionTakeTest, NumbersMayBeWholeAndAreNoNan) {
  const NumberRange range{0, 1};
  EXPECT_EQ(Taken("key = 1", range), Value(1.0)) << "a whole number is a number";
  EXPECT_EQ(Taken("key = 2.5e-1", range), Value(0.25));
  EXPECT_THAT(WrongValue("key = 1.001", range), HasSubstr("must be a number from 0 to 1"));
  EXPECT_THAT(WrongValue("key = nan", range), HasSubstr("is nan"));
  EXPECT_THAT(WrongValue("key = inf", range), HasSubstr("is inf"));
  EXPECT_THAT(WrongValue("key = true", range), HasSubstr("must be a number"));
}

TEST(SectionTakeTest, TimesHaveUnits) {
  const TimeRange range{absl::Seconds(1), absl::Hours(2)};
  EXPECT_EQ(Taken("key = \"1h30m\"", range), Value(absl::Minutes(90)));
  EXPECT_EQ(Taken("key = \"1s\"", range), Value(absl::Seconds(1)));
  EXPECT_THAT(WrongValue("key = \"0.9s\"", range),
              AllOf(HasSubstr("is 900ms"), HasSubstr("1s to 2h")));
  EXPECT_THAT(WrongValue("key = \"3h\"", range), HasSubstr("is 3h"));
  EXPECT_THAT(WrongValue("key = \"inf\"", range), HasSubstr("is inf"));
  EXPECT_THAT(WrongValue("key = \"5\"", range), HasSubstr("must be a time in quotes"));
  EXPECT_THAT(WrongValue("key = 5", range), HasSubstr("must be a time in quotes"));
}

TEST(SectionTakeTest, WordsAreThoseOfTheList) {
  const WordRange range{{"one", "two"}};
  EXPECT_EQ(Taken("key = \"two\"", range), Value(std::string("two")));
  EXPECT_THAT(WrongValue("key = \"Two\"", range),
              HasSubstr("key `key` is \"Two\"; it must be one of one, two"));
  EXPECT_THAT(WrongValue("key = 2", range), HasSubstr("must be one of one, two"));
}

TEST(SectionWholeTest, AWrongNumberLeavesTheFieldAsItWas) {
  int value = 1;
  const auto read = [&](Section& section) { section.Whole("key", &value, 0, 9); };
  EXPECT_EQ(Wrong("key = 9", read), "");
  EXPECT_EQ(value, 9);
  EXPECT_THAT(Wrong("key = 2147483648", read), HasSubstr("is 2147483648"));
  EXPECT_EQ(value, 9);
}

TEST(SectionTreeTest, PathsAreThoseOfTheFile) {
  int value = 0;
  const auto read = [&](Section& section) {
    Section outer = section.Sub("outer");
    Section inner = outer.Sub("inner");
    inner.Whole("key", &value, 0, 9);
    inner.Finish();
    outer.Finish();
  };
  EXPECT_EQ(Wrong("[outer.inner]\nkey = 4", read), "");
  EXPECT_EQ(value, 4);
  EXPECT_THAT(Wrong("[outer.inner]\nkey = 10", read), HasSubstr("f.toml:2: key `outer.inner.key`"));
  EXPECT_EQ(Wrong("outer = 3", read), "f.toml:1: key `outer` must be a table");
  EXPECT_EQ(Wrong("[outer]\ninner = 3", read), "f.toml:2: key `outer.inner` must be a table");
  EXPECT_EQ(Wrong("[outer.inner]\nkez = 3", read),
            "f.toml:2: unknown key `outer.inner.kez`; did you mean `outer.inner.key`?");
}

TEST(SectionTreeTest, TablesOfAnArrayAreNumbered) {
  size_t tables = 0;
  const auto read = [&](Section& section) {
    std::vector<Section> rows = section.Each("rows");
    tables = rows.size();
    for (Section& row : rows) {
      int value = 0;
      row.Whole("key", &value, 0, 9);
      row.Finish();
    }
  };
  EXPECT_EQ(Wrong("", read), "");
  EXPECT_EQ(tables, 0U);
  EXPECT_EQ(Wrong("[[rows]]\nkey = 1\n[[rows]]", read), "");
  EXPECT_EQ(tables, 2U);
  EXPECT_THAT(Wrong("[[rows]]\n[[rows]]\nkey = 10", read),
              HasSubstr("f.toml:3: key `rows[1].key`"));
  EXPECT_THAT(Wrong("rows = [1]", read), HasSubstr("written [[rows]]"));
  EXPECT_THAT(Wrong("[rows]\nkey = 1", read), HasSubstr("written [[rows]]"));
}

TEST(SectionTreeTest, SaysWhetherAKeyIsGiven) {
  Wrong("given = false", [&](Section& section) {
    EXPECT_TRUE(section.Has("given"));
    EXPECT_FALSE(section.Has("absent"));
    section.Take("given", FlagRange{});
  });
  ConfigProblems problems("f");
  EXPECT_FALSE(Section(nullptr, "", &problems).Has("given"));
}

TEST(ParseTomlTest, WhatIsNotTomlIsNamedWithItsLine) {
  const auto table = ParseToml("good = 1\nbad = = 2\n", "f.toml");
  EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << table.status();
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("f.toml:2: not TOML"));
  EXPECT_THAT(std::string(ParseToml("a = 1\na = 2\n", "f.toml").status().message()),
              HasSubstr("f.toml:2"));
  EXPECT_TRUE(ParseToml("", "f.toml").ok());
}

TEST(NearestTest, OfTwoTheNearerOneAndOfEqualsTheFirst) {
  EXPECT_EQ(Nearest("abcdef", {"abcdxx", "abcdex"}), "abcdex");
  EXPECT_EQ(Nearest("ab", {"ac", "ad"}), "ac");
  EXPECT_EQ(Nearest("", {"x"}), "x");
  EXPECT_EQ(Nearest("anything", {}), "");
}

}  // namespace
}  // namespace tributary
