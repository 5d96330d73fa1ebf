#include "common/config/codec_choices.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/codec/codec.h"

namespace tributary {
namespace {

template <typename Choices>
std::vector<std::string> WordsIn(const Choices& choices) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.emplace_back(choice.word);
  return words;
}

TEST(CodecChoicesTest, EveryCodecMayBeChosenForUpdates) {
  ASSERT_EQ(kCodecWords.size(), kCodecs.size());
  for (size_t i = 0; i < kCodecs.size(); ++i) {
    EXPECT_EQ(kCodecWords[i].value, kCodecs[i]);
    EXPECT_EQ(kCodecWords[i].word, CodecName(kCodecs[i]));
  }
}

TEST(CodecChoicesTest, WholeModelsAreSentInCodecsThatRoundEachValue) {
  std::vector<std::string> rounding;
  for (const CodecRow& row : kCodecTable) {
    if (row.round != nullptr) rounding.emplace_back(row.word);
  }
  const std::vector<std::string> words = WordsIn(kModelCodecWords);
  EXPECT_EQ(words, rounding);
  for (const char* known : {"f32", "f16", "bf16"}) {
    EXPECT_EQ(std::count(words.begin(), words.end(), known), 1) << known;
  }
  for (const char* small : {"int8-block", "int4-block", "topk"}) {
    EXPECT_EQ(std::count(words.begin(), words.end(), small), 0) << small;
  }
  for (const Choice<Codec>& choice : kModelCodecWords) {
    EXPECT_EQ(CodecName(choice.value), choice.word);
    EXPECT_FALSE(UsesErrorFeedback(choice.value)) << choice.word;
  }
}

TEST(CodecChoicesTest, DifferencesAreSentInAnyLossyCodecOrNotAtAll) {
  EXPECT_EQ(kDeltaCodecWords.front().word, "none");
  EXPECT_FALSE(kDeltaCodecWords.front().value.has_value());
  std::vector<std::string> lossy = {"none"};
  for (const Codec codec : kCodecs) {
    if (!RowOf(codec).lossless) lossy.emplace_back(CodecName(codec));
  }
  EXPECT_EQ(WordsIn(kDeltaCodecWords), lossy);
  for (const auto& choice : kDeltaCodecWords) {
    if (!choice.value.has_value()) continue;
    EXPECT_EQ(CodecName(*choice.value), choice.word);
  }
}

}  // namespace
}  // namespace tributary
