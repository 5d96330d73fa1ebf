#include "preparation/datasets/basic_english.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

// Expected values follow from the published list of substitutions (torchtext.data.utils).
TEST(BasicEnglishTest, MarksAreSetApartOrDropped) {
  EXPECT_EQ(BasicEnglish("Don't stop (now)!"), "don ' t stop ( now ) !");
  EXPECT_EQ(BasicEnglish("Oil, gold: up 3.5%; \"really\"?"), "oil , gold up 3 . 5% really ?");
  EXPECT_EQ(BasicEnglish("a\"b;c:d"), "ab c d");
  EXPECT_EQ(BasicEnglish("one<br />two<br/>three"), "one two<br/>three");
  EXPECT_EQ(BasicEnglish("<b\"r />x"), "x");
  EXPECT_EQ(BasicEnglish("...''"), ". . . ' '");
}

TEST(BasicEnglishTest, WhiteSpaceIsOneSpaceBetweenWords) {
  EXPECT_EQ(BasicEnglish("  a \t\n b\xC2\xA0"
                         "c\xE2\x80\xA8"
                         "d\x1F"
                         "e  "),
            "a b c d e");
  EXPECT_EQ(BasicEnglish(" ;: \" "), "");
  EXPECT_EQ(BasicEnglish(""), "");
}

TEST(BasicEnglishTest, CaseIsThatOfAnyScript) {
  EXPECT_EQ(BasicEnglish("ÉCOLE ΟΔΟΣ Straße AG\\$46"), "école οδος straße ag\\$46");
}

}  // namespace
}  // namespace tributary
