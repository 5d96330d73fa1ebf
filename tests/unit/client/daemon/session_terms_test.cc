#include "client/daemon/session_terms.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"
#include "tests/unit/client/daemon/fake_coordinator.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

v1::Welcome GoodWelcome() {
  v1::Welcome welcome;
  welcome.set_protocol(kProtocolVersion);
  welcome.set_run_id("r");
  welcome.set_session("s");
  welcome.set_heartbeat_ms(5000);
  welcome.set_chunk_bytes(1 << 20);
  *welcome.mutable_model() = ModelSpecToProto(TinySpec());
  *welcome.mutable_upload() =
      ManifestToProto(*ModelManifest(TinySpec(), Modality::kImage, TensorScope::kUpload));
  *welcome.mutable_download() =
      ManifestToProto(*ModelManifest(TinySpec(), Modality::kImage, TensorScope::kDownload));
  return welcome;
}

TEST(SessionTermsTest, TakesAWelcomeThatFits) {
  const absl::StatusOr<SessionTerms> terms = TermsFrom(GoodWelcome(), Modality::kImage);
  ASSERT_TRUE(terms.ok()) << terms.status();
  EXPECT_EQ(terms->session, "s");
  EXPECT_EQ(terms->model, TinySpec());
  EXPECT_EQ(terms->heartbeat, absl::Seconds(5));
  EXPECT_EQ(terms->chunk_bytes, 1 << 20);
  EXPECT_GT(terms->download.tensors.size(), terms->upload.tensors.size());
}

TEST(SessionTermsTest, KeepsSettingsWithinWhatAConnectionCanBear) {
  v1::Welcome welcome = GoodWelcome();
  welcome.set_heartbeat_ms(0);
  welcome.set_chunk_bytes(4'000'000'000u);
  const absl::StatusOr<SessionTerms> terms = TermsFrom(welcome, Modality::kImage);
  ASSERT_TRUE(terms.ok()) << terms.status();
  EXPECT_GT(terms->heartbeat, absl::ZeroDuration());
  EXPECT_LT(terms->chunk_bytes, 3 << 20);
  welcome.set_heartbeat_ms(~uint64_t{0});
  EXPECT_LE(TermsFrom(welcome, Modality::kImage)->heartbeat, absl::Minutes(1));
}

TEST(SessionTermsTest, SaysWhatDoesNotFit) {
  const std::pair<const char*, std::function<void(v1::Welcome*)>> cases[] = {
      {"protocol version 7", [](auto* w) { w->set_protocol(7); }},
      {"no run or no session", [](auto* w) { w->clear_session(); }},
      {"no run or no session", [](auto* w) { w->clear_run_id(); }},
      {"upload manifest", [](auto* w) { w->clear_upload(); }},
      {"download manifest", [](auto* w) { *w->mutable_download() = w->upload(); }},
      {"drop_path", [](auto* w) { w->mutable_model()->set_drop_path(2); }},
      {"model", [](auto* w) { w->mutable_model()->set_heads(3); }},
      {"upload manifest", [](auto* w) { w->mutable_model()->set_depth(2); }}};
  for (const auto& [words, spoil] : cases) {
    v1::Welcome welcome = GoodWelcome();
    spoil(&welcome);
    const absl::Status status = TermsFrom(welcome, Modality::kImage).status();
    EXPECT_FALSE(status.ok()) << words;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  }
  EXPECT_FALSE(TermsFrom(GoodWelcome(), Modality::kPair).ok()) << "another modality's model";
}

}  // namespace
}  // namespace tributary
