#include "common/config/codec_choices.h"

#include <optional>
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

TEST(CodecChoicesTest, WholeModelsAreSentInSixteenBitsAtLeast) {
  EXPECT_EQ(WordsIn(kModelCodecWords), (std::vector<std::string>{"f32", "f16", "bf16"}));
  for (const Choice<Codec>& choice : kModelCodecWords) {
    EXPECT_EQ(CodecName(choice.value), choice.word);
    EXPECT_FALSE(UsesErrorFeedback(choice.value)) << choice.word;
  }
}

TEST(CodecChoicesTest, DifferencesAreSentInAnyLossyCodecOrNotAtAll) {
  EXPECT_EQ(kDeltaCodecWords.front().word, "none");
  EXPECT_EQ(kDeltaCodecWords.front().value, std::nullopt);
  std::vector<std::string> lossy = {"none"};
  for (const Codec codec : kCodecs) {
    if (codec != Codec::kF32) lossy.emplace_back(CodecName(codec));
  }
  EXPECT_EQ(WordsIn(kDeltaCodecWords), lossy);
  for (const auto& choice : kDeltaCodecWords) {
    if (choice.value.has_value()) EXPECT_EQ(CodecName(*choice.value), choice.word);
  }
}

}  // namespace
}  // namespace tributary
