#include "tool/central/central_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/config/method_card.h"
#include "server/method/method_table.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class CentralConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<RunConfig> Load(const std::string& more,
                                 const std::vector<std::string>& overrides = {}) const {
    const std::string path = scratch_ / "run.toml";
    const absl::Status written = WriteFileAtomically(
        path, absl::StrCat("name = \"demo\"\nrounds = 3\n", more,
                           "\n[[datasets]]\nname = \"icons\"\nmodality = \"image\"\nclients = 4\n"
                           "path = \"data/icons\"\n"));
    EXPECT_TRUE(written.ok()) << written;
    return LoadCentralConfig(path, overrides);
  }

  const ScratchFolder scratch_;
};

TEST_F(CentralConfigTest, TheMethodIsCentralWhateverTheFileSays) {
  for (const char* method : {"", "method = \"fedavg\"", "method = \"fedprox\""}) {
    const auto config = Load(method);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(MethodName(*config), "central");
    EXPECT_EQ(config->local.complementary, ComplementaryLayers::kNone);
    EXPECT_EQ(config->local.proximal_mu, 0);
    EXPECT_FALSE(PublicSetOf(*config).has_value());
  }
}

TEST_F(CentralConfigTest, TermsThatTheFileItselfSetsAreLeftOutToo) {
  const auto config =
      Load("", {"local.control_variates=true", "fedprox.mu=0.5", "local.epochs=2", "seed=9"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->local.control_variates);
  EXPECT_EQ(config->local.proximal_mu, 0);
  EXPECT_EQ(config->local.epochs, 2);
  EXPECT_EQ(config->seed, 9U);
  EXPECT_EQ(config->rounds, 3);
}

TEST_F(CentralConfigTest, WrongKeysAreRefusedAsInARun) {
  const absl::Status status = Load("", {"local.epoch=2"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("local.epochs"));
}

TEST_F(CentralConfigTest, NoFederationCanBeAskedForIt) {
  EXPECT_EQ(FindMethod(Methods(), "central"), nullptr);
}

}  // namespace
}  // namespace tributary
