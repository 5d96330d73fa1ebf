#include "common/data/tokenizer.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, ...
constexpr char kVocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfolder\nopen\n##s\n##ed\n-\n,\ncafe\n";

class TokenizerTest : public testing::Test {
 protected:
  absl::StatusOr<std::shared_ptr<const Tokenizer>> Load(const std::string& vocabulary) {
    const std::string path = scratch_ / "vocab.txt";
    std::ofstream(path) << vocabulary;
    return Tokenizer::Load(path);
  }
  std::vector<int64_t> Encode(absl::string_view text) {
    const auto tokenizer = Load(kVocabulary);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return (*tokenizer)->Encode(text);
  }

  const ScratchFolder scratch_;
};

TEST_F(TokenizerTest, WordsAreCutIntoTheLongestKnownPieces) {
  EXPECT_THAT(Encode("folders opened"), ElementsAre(2, 5, 7, 6, 8, 3));
}

TEST_F(TokenizerTest, AWordWithAnUnknownPieceIsUnknownAsAWhole) {
  EXPECT_THAT(Encode("folderx open"), ElementsAre(2, 1, 6, 3));
}

TEST_F(TokenizerTest, CaseAccentsAndPunctuationAreSplitOff) {
  EXPECT_THAT(Encode("CAF\xC3\x89-open,"), ElementsAre(2, 11, 9, 6, 10, 3));
}

TEST_F(TokenizerTest, SpecialTokensInTheTextKeepTheirIds) {
  EXPECT_THAT(Encode("open [MASK]"), ElementsAre(2, 6, 4, 3));
}

TEST_F(TokenizerTest, BrokenUtf8IsNoError) {
  EXPECT_THAT(Encode("op\xFF"
                     "en"),
              ElementsAre(2, 6, 3));
  EXPECT_THAT(Encode(""), ElementsAre(2, 3));
}

TEST_F(TokenizerTest, ALengthTruncatesKeepingTheEndOrPads) {
  const auto tokenizer = Load(kVocabulary);
  EXPECT_THAT((*tokenizer)->Encode("open open open", 4), ElementsAre(2, 6, 6, 3));
  EXPECT_THAT((*tokenizer)->Encode("open", 5), ElementsAre(2, 6, 3, 0, 0));
}

TEST_F(TokenizerTest, AVocabularyThatIsNoneIsRefused) {
  EXPECT_EQ(Load("a\nb\n").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Load("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\na\n").status().message()),
              HasSubstr("a"));
  EXPECT_FALSE(Load("[UNK]\n[PAD]\n[CLS]\n[SEP]\n").ok()) << "[PAD] must be number 0";
  EXPECT_EQ(Tokenizer::Load(scratch_ / "none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TokenizerTest, TheVocabularyThatShipsIsFound) {
  const auto path = FindVocabulary("");
  ASSERT_TRUE(path.ok()) << path.status();
  const auto tokenizer = Tokenizer::Load(*path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->size(), 30522);
}

}  // namespace
}  // namespace tributary
