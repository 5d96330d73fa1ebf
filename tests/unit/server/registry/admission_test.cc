#include "server/registry/admission.h"

#include <functional>

#include <gtest/gtest.h>

#include "common/rpc/protocol.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

v1::Join GoodJoin() {
  v1::Join join;
  join.set_protocol(kProtocolVersion);
  join.set_client("site-1");
  join.set_vocabulary("vocabulary-digest");
  join.mutable_data()->set_dataset("words");
  join.mutable_data()->set_modality(v1::MODALITY_TEXT);
  join.mutable_data()->set_samples(100);
  join.mutable_data()->set_classes(5);
  for (const auto codec : {v1::CODEC_F32, v1::CODEC_F16, v1::CODEC_INT8_BLOCK})
    join.add_codecs(codec);
  return join;
}

// The refusal of a Join after `change`, whose message must hold `words`.
v1::Refusal::Reason Refused(const std::function<void(v1::Join*)>& change,
                            const std::string& words) {
  v1::Join join = GoodJoin();
  change(&join);
  const auto refusal = CheckJoin(join, TinyContext());
  if (!refusal.has_value()) return v1::Refusal::REASON_UNSPECIFIED;
  EXPECT_NE(refusal->message().find(words), std::string::npos) << refusal->message();
  return refusal->reason();
}

TEST(AdmissionTest, WhatFitsIsAdmitted) {
  EXPECT_FALSE(CheckJoin(GoodJoin(), TinyContext()).has_value());
  v1::Join again = GoodJoin();
  again.set_run_id("run-1");
  EXPECT_FALSE(CheckJoin(again, TinyContext()).has_value());
}

TEST(AdmissionTest, OtherVersionsAreRefused) {
  EXPECT_EQ(Refused([](auto* join) { join->set_protocol(99); }, "99"),
            v1::Refusal::REASON_PROTOCOL);
  EXPECT_EQ(Refused([](auto* join) { join->clear_codecs(); }, "codec"),
            v1::Refusal::REASON_PROTOCOL);
}

TEST(AdmissionTest, NamesThatAreNoneAreRefused) {
  EXPECT_EQ(Refused([](auto* join) { join->set_client("../x"); }, "../x"),
            v1::Refusal::REASON_NAME);
}

TEST(AdmissionTest, ClientsOfAnotherRunAreRefused) {
  EXPECT_EQ(Refused([](auto* join) { join->set_run_id("run-2"); }, "run-2"),
            v1::Refusal::REASON_RUN);
}

TEST(AdmissionTest, DataThatDoNotFitAreRefusedWithBothValues) {
  EXPECT_EQ(
      Refused([](auto* join) { join->mutable_data()->set_dataset("sounds"); }, "pictures, words"),
      v1::Refusal::REASON_DATA);
  EXPECT_EQ(
      Refused([](auto* join) { join->mutable_data()->set_modality(v1::MODALITY_IMAGE); }, "text"),
      v1::Refusal::REASON_DATA);
  EXPECT_EQ(Refused([](auto* join) { join->mutable_data()->set_classes(6); },
                    "classes 6, the run expects 5"),
            v1::Refusal::REASON_DATA);
  EXPECT_EQ(
      Refused([](auto* join) { join->mutable_data()->set_samples(0); }, "no training samples"),
      v1::Refusal::REASON_DATA);
  EXPECT_EQ(Refused([](auto* join) { join->set_vocabulary("other"); }, "vocabulary"),
            v1::Refusal::REASON_DATA);
}

TEST(AdmissionTest, ClassesOfOtherNamesOrInAnotherOrderAreRefusedWithBothLists) {
  RunContext context = TinyContext();
  context.datasets.at("words").schema.classes = {"a", "b", "c", "d", "e"};
  v1::Join join = GoodJoin();
  EXPECT_FALSE(CheckJoin(join, context).has_value()) << "its names are not told: an older client";
  const auto tell = [&](const std::vector<std::string>& names) {
    join.mutable_data()->mutable_class_names()->Assign(names.begin(), names.end());
    return CheckJoin(join, context);
  };
  EXPECT_FALSE(tell({"a", "b", "c", "d", "e"}).has_value());
  const auto order = tell({"b", "a", "c", "d", "e"});
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->reason(), v1::Refusal::REASON_DATA);
  EXPECT_NE(order->message().find("[b, a, c, d, e] (5), the run [a, b, c, d, e] (5)"),
            std::string::npos)
      << order->message();
  EXPECT_NE(order->message().find("--schema"), std::string::npos);
  EXPECT_TRUE(tell({"a", "b", "c", "d"}).has_value()) << "as many as they say, but too few";
}

TEST(AdmissionTest, ImagesMustHaveTheRunsSizeButMayBeGrey) {
  v1::Join join = GoodJoin();
  join.mutable_data()->set_dataset("pictures");
  join.mutable_data()->set_modality(v1::MODALITY_IMAGE);
  join.mutable_data()->set_classes(3);
  join.mutable_data()->set_image_size(8);
  join.mutable_data()->set_image_channels(1);
  EXPECT_FALSE(CheckJoin(join, TinyContext()).has_value());
  join.mutable_data()->set_image_channels(2);
  EXPECT_TRUE(CheckJoin(join, TinyContext()).has_value());
  join.mutable_data()->set_image_channels(3);
  join.mutable_data()->set_image_size(16);
  EXPECT_EQ(CheckJoin(join, TinyContext())->reason(), v1::Refusal::REASON_DATA);
}

TEST(AdmissionTest, APublicSetMustBeTheRuns) {
  const auto context = MakeRunContext(TinyConfig(), {{"pictures", 3}, {"words", 5}}, 20,
                                      "vocabulary-digest", {"public-digest", 6});
  ASSERT_TRUE(context.ok()) << context.status();
  v1::Join join = GoodJoin();
  EXPECT_NE(CheckJoin(join, *context)->message().find("--public"), std::string::npos);
  join.set_public_set("another");
  EXPECT_NE(CheckJoin(join, *context)->message().find("another"), std::string::npos);
  join.set_public_set("public-digest");
  EXPECT_FALSE(CheckJoin(join, *context).has_value());
}

TEST(AdmissionTest, WelcomeTellsAllThatAClientNeeds) {
  const RunContext context = TinyContext();
  const v1::Welcome welcome = MakeWelcome(context, context.datasets.at("words"));
  EXPECT_EQ(welcome.run_id(), "run-1");
  EXPECT_EQ(welcome.upload().digest(), context.datasets.at("words").plain.Digest());
  EXPECT_EQ(welcome.model().dim(), 8u);
  EXPECT_EQ(welcome.heartbeat_ms(), 5000u);
  EXPECT_TRUE(welcome.delta_downloads());
  RunConfig config = TinyConfig();
  config.wire.download_delta.reset();
  const RunContext whole = TinyContext(config);
  EXPECT_FALSE(MakeWelcome(whole, whole.datasets.at("words")).delta_downloads());
}

TEST(AdmissionTest, WhatIsWrongFirstIsToldFirst) {
  // Wrong in everything; each step puts right what the refusal before it named.
  v1::Join join;
  join.set_protocol(99);
  join.set_client("a b");
  join.set_run_id("run-2");
  join.mutable_data()->set_dataset("sounds");
  join.mutable_data()->set_image_size(5);
  join.mutable_data()->set_image_channels(7);
  const std::pair<const char*, std::function<void()>> steps[] = {
      {"protocol version 99", [&] { join.set_protocol(kProtocolVersion); }},
      {"client name", [&] { join.set_client("site-1"); }},
      {"belongs to run run-2", [&] { join.clear_run_id(); }},
      {"dataset \"sounds\"", [&] { join.mutable_data()->set_dataset("pictures"); }},
      {"modality", [&] { join.mutable_data()->set_modality(v1::MODALITY_IMAGE); }},
      {"classes 0", [&] { join.mutable_data()->set_classes(3); }},
      {"image size 5", [&] { join.mutable_data()->set_image_size(8); }},
      {"image channels 7", [&] { join.mutable_data()->set_image_channels(3); }},
      {"no training samples", [&] { join.mutable_data()->set_samples(1); }},
      {"does not know codec int8-block", [&] { join.add_codecs(v1::CODEC_INT8_BLOCK); }},
      {"does not know codec f16", [&] { join.add_codecs(v1::CODEC_F16); }},
      {"does not know codec f32", [&] { join.add_codecs(v1::CODEC_F32); }}};
  const RunContext context = TinyContext();
  for (const auto& [words, put_right] : steps) {
    const auto refusal = CheckJoin(join, context);
    ASSERT_TRUE(refusal.has_value()) << words;
    EXPECT_NE(refusal->message().find(words), std::string::npos) << refusal->message();
    EXPECT_FALSE(refusal->retry()) << "trying again does not help";
    put_right();
  }
  const auto refusal = CheckJoin(join, context);
  EXPECT_FALSE(refusal.has_value()) << refusal->message();
}

TEST(AdmissionTest, ImagesNeedNoVocabularyAndTextsNoSize) {
  v1::Join join = GoodJoin();
  join.mutable_data()->set_image_size(77);
  EXPECT_FALSE(CheckJoin(join, TinyContext()).has_value());
  join.clear_vocabulary();
  EXPECT_TRUE(CheckJoin(join, TinyContext()).has_value());
  join.mutable_data()->set_dataset("pictures");
  join.mutable_data()->set_modality(v1::MODALITY_IMAGE);
  join.mutable_data()->set_classes(3);
  join.mutable_data()->set_image_size(8);
  join.mutable_data()->set_image_channels(3);
  EXPECT_FALSE(CheckJoin(join, TinyContext()).has_value());
}

TEST(AdmissionTest, CodecsFromTheFutureDoNoHarm) {
  v1::Join join = GoodJoin();
  join.add_codecs(static_cast<v1::Codec>(99));
  EXPECT_FALSE(CheckJoin(join, TinyContext()).has_value());
}

TEST(AdmissionTest, AWelcomeIsWhatItsClientCanCheck) {
  const RunContext context = TinyContext();
  for (const auto& [name, dataset] : context.datasets) {
    const v1::Welcome welcome = MakeWelcome(context, dataset);
    EXPECT_EQ(welcome.protocol(), kProtocolVersion);
    EXPECT_EQ(welcome.run_name(), "tiny");
    EXPECT_EQ(welcome.session(), "") << "the session is the registry's";
    EXPECT_EQ(welcome.download().digest(), dataset.download.Digest());
    EXPECT_EQ(welcome.upload().digest(), dataset.upload.Digest());
    EXPECT_EQ(welcome.model().classes(), static_cast<uint32_t>(dataset.spec.classes));
    EXPECT_EQ(welcome.chunk_bytes(), static_cast<uint32_t>(context.config.wire.ChunkBytes()));
  }
}

// Such a client asks for whole models.
TEST(AdmissionTest, TheCodecOfDifferencesNeedNotBeKnown) {
  RunConfig config = TinyConfig();
  config.wire.download_delta = Codec::kTopK;
  EXPECT_FALSE(CheckJoin(GoodJoin(), TinyContext(config)).has_value());
  config.wire.upload = Codec::kTopK;
  EXPECT_TRUE(CheckJoin(GoodJoin(), TinyContext(config)).has_value());
}

}  // namespace
}  // namespace tributary
