// A federation whose coordinator and clients are shell scripts.
#include "tool/run/local_federation.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "server/method/creamfl/settings.h"
#include "server/method/method_table.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kListening[] = R"(echo '{"kind":"listening","data":{"address":"127.0.0.1:1"}}')"
                              "\n";
constexpr char kFinished[] = R"(echo '{"kind":"run_finished","data":{"result":{"seed":7}}}')"
                             "\n";
// Until it is told to stop. `wait` ends at the signal, `sleep` alone would not.
constexpr char kStay[] = "trap 'kill $!; exit 0' TERM\nwhile :; do sleep 60 & wait $!; done\n";

class LocalFederationTest : public testing::Test {
 protected:
  LocalFederationTest() {
    std::filesystem::create_directories(scratch_ / "bin");
    DatasetConfig words;
    words.name = "words";
    words.clients = 2;
    words.path = "/data/words";
    plan_.config.datasets = {words};
    plan_.config.method = FindMethod(Methods(), "fedavg");
    plan_.run_file = "run.toml";
    plan_.overrides = {"rounds=2", "seed=7"};
    plan_.folder = scratch_ / "run";
    plan_.binaries = scratch_ / "bin";
    SetClient(kStay);
    hooks_ = {.on_event = [this](const std::string&,
                                 const nlohmann::json& event) { events_.push_back(event); },
              .on_notice = [this](const std::string& line) { notices_.push_back(line); },
              .on_turn = [this] { OnTurn(); },
              .should_stop = [this] { return stop_ || absl::Now() > deadline_; }};
  }

  void Write(const std::string& name, const std::string& script) {
    const std::string path = absl::StrCat(scratch_ / "bin", "/", name);
    std::ofstream(path) << "#!/bin/sh\nhere='" << scratch_.path() << "'\n" << script;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  void SetServer(const std::string& script) { Write("tributary-server", script); }
  void SetClient(const std::string& script) { Write("tributary-client", script); }

  absl::Status Run() {
    LocalFederation federation(plan_);
    const absl::Status status = federation.Run(&view_, hooks_);
    EXPECT_LT(absl::Now(), deadline_) << "it went on until the test gave up";
    return status;
  }
  // The lines of a file that a script wrote; none if there is no such file.
  std::vector<std::string> LinesOf(const std::string& name) const {
    const auto text = ReadFile(scratch_ / name);
    return text.ok() ? std::vector<std::string>(absl::StrSplit(*text, '\n', absl::SkipEmpty()))
                     : std::vector<std::string>();
  }
  virtual void OnTurn() {}

  const ScratchFolder scratch_;
  const absl::Time deadline_ = absl::Now() + absl::Seconds(60);
  FederationPlan plan_;
  FederationHooks hooks_;
  RunView view_ = RunView(absl::Now());
  std::vector<nlohmann::json> events_;
  std::vector<std::string> notices_;
  bool stop_ = false;
};

TEST_F(LocalFederationTest, StartsClientsAtTheCoordinatorsAddressAndEndsWithIt) {
  SetServer(absl::StrCat("echo \"$@\" > $here/server\n", kListening,
                         "until [ -e $here/words-00 ] && [ -e $here/words-01 ]; do :; done\n",
                         kFinished));
  SetClient("name=$8\necho \"$@\" > $here/part.$name\nmv $here/part.$name $here/$name\n");
  plan_.config.launch.threads = 3;
  plan_.config.launch.device = "cpu";
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(view_.finished());
  EXPECT_EQ(view_.result().at("seed"), 7);
  EXPECT_THAT(LinesOf("server"),
              Contains(AllOf(HasSubstr("--run run.toml"), HasSubstr("--listen 127.0.0.1:0"),
                             HasSubstr("--set rounds=2 --set seed=7"),
                             HasSubstr(absl::StrCat("--state ", plan_.folder)))));
  EXPECT_THAT(
      LinesOf("words-01"),
      Contains(AllOf(HasSubstr("--server 127.0.0.1:1"), HasSubstr("--data /data/words/client-01"),
                     HasSubstr("--threads 3"), HasSubstr("--device cpu"),
                     HasSubstr(absl::StrCat(plan_.folder, "/clients/words-01")))));
}

TEST_F(LocalFederationTest, GivesClientsTheVocabularyAndThePublicSetOfARunThatHasThem) {
  SetServer(absl::StrCat(kListening, "until [ -e $here/words-00 ]; do :; done\n", kFinished));
  SetClient("echo \"$@\" > $here/part.$8\nmv $here/part.$8 $here/$8\n");
  plan_.config.model.vocabulary = "/words.txt";
  plan_.config.method = &CreamFlCard();
  MethodSettings<CreamFlSettings>(plan_.config).public_set = "/public";
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(LinesOf("words-00"),
              Contains(AllOf(HasSubstr("--vocabulary /words.txt"), HasSubstr("--public /public"))));
}

// The coordinator says everything in its last moment and is gone before anybody reads it.
class LastWords : public LocalFederationTest {
 protected:
  void OnTurn() override {
    if (view_.address().empty() || done_) return;
    std::ofstream(scratch_ / "go") << "go";
    const std::string pid = LinesOf("pid").at(0);
    while (absl::Now() < deadline_) {
      const auto state = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
      if (!state.ok() || state->find(") Z ") != std::string::npos) break;
      std::this_thread::yield();
    }
    done_ = true;
  }
  bool done_ = false;
};

TEST_F(LastWords, OfAFinishedRunAreHeard) {
  SetServer(absl::StrCat("echo $$ > $here/pid\n", kListening, "until [ -e $here/go ]; do :; done\n",
                         kFinished));
  SetClient("exit 0\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(view_.finished());
  EXPECT_EQ(events_.size(), 2U);
}

TEST_F(LastWords, OfAFailureAreTheError) {
  SetServer(absl::StrCat("echo $$ > $here/pid\n", kListening, "until [ -e $here/go ]; do :; done\n",
                         R"(echo '{"kind":"error","message":"disk full"}')", "\nexit 3\n"));
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(status.message(), "disk full");
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(LocalFederationTest, ACoordinatorThatSaysWhyIsNotStartedAgain) {
  SetServer(absl::StrCat("echo x >> $here/starts\n", kListening,
                         R"(echo '{"kind":"run_failed","data":{"reason":"no quorum"}}')",
                         "\nexit 1\n"));
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_EQ(status.message(), "no quorum");
  EXPECT_THAT(LinesOf("starts"), SizeIs(1));
}

TEST_F(LocalFederationTest, ExitCodesBecomeTheStatusTheyStandFor) {
  const std::pair<int, absl::StatusCode> kCodes[] = {{2, absl::StatusCode::kInvalidArgument},
                                                     {3, absl::StatusCode::kFailedPrecondition},
                                                     {4, absl::StatusCode::kPermissionDenied},
                                                     {1, absl::StatusCode::kInternal}};
  for (const auto& [code, expected] : kCodes) {
    SetServer(absl::StrCat("echo 'tributary-server: no such key' >&2\nexit ", code, "\n"));
    const absl::Status status = Run();
    EXPECT_EQ(status.code(), expected) << code;
    EXPECT_THAT(std::string(status.message()), HasSubstr("no such key")) << code;
  }
}

TEST_F(LocalFederationTest, AKilledCoordinatorComesBackAtItsOldAddress) {
  SetServer(absl::StrCat("echo \"$@\" >> $here/starts\n", kListening,
                         "[ -e $here/second ] || { touch $here/second; kill -9 $$; }\n",
                         kFinished));
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(view_.finished());
  EXPECT_THAT(notices_, Contains(HasSubstr("the coordinator ended unexpectedly (signal 9)")));
  ASSERT_THAT(LinesOf("starts"), SizeIs(2));
  EXPECT_THAT(LinesOf("starts")[1], HasSubstr("--listen 127.0.0.1:1 "));
}

TEST_F(LocalFederationTest, AClientThatDiesIsStartedAgain) {
  SetServer(absl::StrCat(kListening, "until [ -e $here/back ]; do :; done\n", kFinished));
  SetClient(absl::StrCat("[ $8 = words-00 ] || exit 0\n",
                         "[ -e $here/once ] && { touch $here/back; exit 0; }\n",
                         "touch $here/once\nexit 1\n"));
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(notices_,
              Contains(HasSubstr("words-00 ended unexpectedly (exit code 1); starting it again")));
}

TEST_F(LocalFederationTest, AClientWhoseFaultWouldRepeatIsNot) {
  SetServer(kListening + std::string(kStay));
  SetClient("echo \"$8\" >> $here/starts\necho 'tributary-client: shard is damaged' >&2\nexit 3\n");
  hooks_.on_notice = [this](const std::string& line) {
    notices_.push_back(line);
    stop_ = notices_.size() == 2;
  };
  ASSERT_TRUE(Run().ok()) << "stopped on request";
  EXPECT_THAT(LinesOf("starts"), SizeIs(2));
  EXPECT_THAT(notices_, Contains(AllOf(HasSubstr("words-01 ended with exit code 3"),
                                       HasSubstr("shard is damaged"))));
  EXPECT_FALSE(view_.finished());
}

TEST_F(LocalFederationTest, ARequestToStopReachesEveryProcess) {
  const std::string tell =
      "trap 'kill $!; echo x >> $here/stopped; exit 0' TERM\necho x >> $here/up\n";
  const std::string stay = "while :; do sleep 60 & wait $!; done\n";
  SetServer(absl::StrCat(tell, kListening, stay));
  SetClient(tell + stay);
  hooks_.on_turn = [this] { stop_ = LinesOf("up").size() == 3; };
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(LinesOf("stopped"), SizeIs(3));
}

TEST_F(LocalFederationTest, WithoutTheProgramsNothingStarts) {
  plan_.binaries = scratch_ / "nowhere";
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("tributary-server"));
}

TEST(LastErrorTest, IsTheLatestLineThatTellsOfOne) {
  const ScratchFolder scratch;
  const std::string log = scratch / "log";
  ASSERT_TRUE(WriteFileAtomically(log,
                                  "[info] begin\n[error] first\n{\"level\":\"error\"}\n"
                                  "[info] going on\n")
                  .ok());
  EXPECT_EQ(LastError(log), "{\"level\":\"error\"}");
  ASSERT_TRUE(WriteFileAtomically(log, "[info] all is well\n").ok());
  EXPECT_EQ(LastError(log), absl::StrCat("see ", log));
}

}  // namespace
}  // namespace tributary
