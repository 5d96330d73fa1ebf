// What a lossy codec takes away from one update comes with the next one.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/fake_trainer.h"
#include "tests/unit/client/daemon/running_daemon.h"

namespace tributary {
namespace {

using Body = v1::ClientMessage::BodyCase;

class ErrorFeedbackTest : public testing::Test {
 protected:
  ErrorFeedbackTest() {
    coordinator_.Publish(Zeros(Manifest::Of(coordinator_.model())), false);
    true_sum_ = received_ = Zeros(coordinator_.upload());
    StartClient();
  }

  static StateDict Zeros(const Manifest& manifest) {
    StateDict state;
    for (const TensorSpec& spec : manifest.tensors) {
      EXPECT_TRUE(state.Add(spec.name, Tensor::Zeros(spec.shape)).ok());
    }
    return state;
  }
  static void AddTo(StateDict* sum, const StateDict& part) {
    for (const auto& [name, tensor] : part) {
      std::vector<float>& values = sum->Find(name)->values;
      for (size_t i = 0; i < values.size(); ++i) values[i] += tensor.values[i];
    }
  }

  void StartClient() {
    client_.reset();
    client_ = std::make_unique<RunningDaemon>(coordinator_.address(), state_,
                                              training_.Factory(coordinator_.upload()));
    coordinator_.Await(Body::kReady);
  }

  // The delta that a training of `round` ends with: weights start from zero.
  StateDict DeltaOf(uint32_t round) const {
    StateDict delta = Zeros(coordinator_.upload());
    for (size_t t = 0; t < delta.size(); ++t) {
      RandomStream stream(1, delta[t].name, round);
      for (float& value : delta[t].tensor.values) {
        value = static_cast<float>(0.01 * stream.Normal());
      }
    }
    return delta;
  }
  void Offer(uint32_t round, Codec codec) {
    const StateDict delta = DeltaOf(round);
    training_.SetStep([delta](const std::string& name, std::vector<float>* weights) {
      *weights = delta.Find(name)->values;
    });
    coordinator_.Offer(round, 1, CodecToProto(codec), merged_);
  }
  void Round(uint32_t round, Codec codec = Codec::kInt4Block) {
    Offer(round, codec);
    AddTo(&received_, coordinator_.AwaitUpdate(round));
    AddTo(&true_sum_, DeltaOf(round));
    merged_ = round;
  }
  // A round whose update comes to nothing. Ends when the worker is done with it.
  void LostRound(uint32_t round, v1::UpdateState::State state) {
    coordinator_.Tell([&](auto* orders) { orders->update_state = state; });
    training_.Hold();
    Offer(round, Codec::kInt4Block);
    while (coordinator_.Await(Body::kHeartbeat).heartbeat().progress().round() != round) {
      ASSERT_FALSE(HasFailure());
    }
    training_.Release();
    while (coordinator_.Await(Body::kHeartbeat).heartbeat().has_progress()) {
      ASSERT_FALSE(HasFailure());
    }
    coordinator_.Tell([](auto* orders) { orders->update_state.reset(); });
  }

  std::vector<std::string> Residuals() const {
    std::vector<std::string> paths;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(state_ + "/residuals", none)) {
      paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  // Of what was received and the last residual, against the true sum.
  double LargestDifference(bool with_residual) const {
    StateDict sum = received_;
    if (with_residual) {
      const absl::StatusOr<StateDict> residual = ReadSafetensors(Residuals().back());
      EXPECT_TRUE(residual.ok()) << residual.status();
      AddTo(&sum, *residual);
    }
    double largest = 0;
    for (size_t t = 0; t < sum.size(); ++t) {
      for (size_t i = 0; i < sum[t].tensor.values.size(); ++i) {
        largest = std::max(
            largest, std::abs(double{sum[t].tensor.values[i]} - true_sum_[t].tensor.values[i]));
      }
    }
    return largest;
  }

  FakeCoordinator coordinator_;
  FakeTraining training_;
  const ScratchFolder scratch_;
  const std::string state_ = scratch_ / "state";
  StateDict true_sum_, received_;
  uint32_t merged_ = 0;  // the last round whose update was used
  std::unique_ptr<RunningDaemon> client_;
};

constexpr double kRounding = 1e-7;  // of floats of this size, over a few rounds

TEST_F(ErrorFeedbackTest, UpdatesAndTheLastResidualAddUpToTheTrueDeltas) {
  for (uint32_t round = 1; round <= 6; ++round) Round(round);
  EXPECT_GT(LargestDifference(false), 100 * kRounding) << "the codec loses something";
  EXPECT_LT(LargestDifference(true), kRounding);
}

TEST_F(ErrorFeedbackTest, TheResidualSurvivesARestart) {
  for (uint32_t round = 1; round <= 4; ++round) {
    Round(round);
    StartClient();
  }
  EXPECT_LT(LargestDifference(true), kRounding);
}

TEST_F(ErrorFeedbackTest, WhatAnUnusedUpdateLostIsNotAdded) {
  Round(1);
  LostRound(2, v1::UpdateState::STATE_REFUSED);
  Round(3);
  LostRound(4, v1::UpdateState::STATE_LATE);
  Round(5);
  EXPECT_LT(LargestDifference(true), kRounding) << "as if rounds 2 and 4 had not been";
}

TEST_F(ErrorFeedbackTest, NothingIsLeftOfAFinishedRun) {
  Round(1);
  ASSERT_EQ(Residuals().size(), 1u);
  v1::ServerMessage message;
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_RUN_FINISHED);
  coordinator_.Say(message);
  coordinator_.AwaitHangUp();
  client_.reset();
  EXPECT_TRUE(Residuals().empty());
}

TEST_F(ErrorFeedbackTest, ADamagedResidualIsIgnored) {
  Round(1);
  ASSERT_EQ(Residuals().size(), 1u);
  ASSERT_TRUE(WriteFileAtomically(Residuals()[0], "rubbish").ok());
  true_sum_ = received_ = Zeros(coordinator_.upload());
  Round(2);
  EXPECT_LT(LargestDifference(true), kRounding) << "from round 2 on";
}

TEST_F(ErrorFeedbackTest, ACodecOfSmallLossLeavesNoResidual) {
  Round(1, Codec::kF16);
  EXPECT_TRUE(Residuals().empty());
}

}  // namespace
}  // namespace tributary
