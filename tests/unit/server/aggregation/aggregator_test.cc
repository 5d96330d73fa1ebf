#include "server/aggregation/aggregator.h"

#include <limits>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

StateDict Draw(const std::string& name, double scale) {
  RandomStream stream(1, name);
  StateDict state;
  for (const char* tensor :
       {"blockses.0.0.attn.qkv.weight", "blockses.0.0.mlp.fc1.weight", "norm.weight"}) {
    Tensor values = Tensor::Zeros({9, 31});
    for (float& value : values.values) value = static_cast<float>(scale * stream.Normal());
    EXPECT_TRUE(state.Add(tensor, std::move(values)).ok());
  }
  return state;
}

class AggregatorTest : public testing::TestWithParam<Rule> {
 protected:
  AggregatorTest() {
    config_.rule = GetParam();
    config_.share = Share::kAttn;
    config_.scope = Scope::kModality;
    config_.compensation = true;
    for (const auto& [name, modality] :
         {std::pair("img", Modality::kImage), std::pair("pair", Modality::kPair)}) {
      globals_[name] = Draw(name, 1);
      targets_.push_back({name, modality, Manifest::Of(globals_[name])});
      for (int i = 0; i < 4; ++i) {
        cohort_.push_back(
            {absl::StrCat(name, i), name, modality, static_cast<uint64_t>(10 + 7 * i)});
      }
    }
  }

  std::unique_ptr<Spool> Upload(const std::string& client, int64_t chunk_bytes = 1024) {
    return SpoolOf(Draw("delta." + client, 0.01), chunk_bytes);
  }

  std::unique_ptr<Spool> SpoolOf(const StateDict& delta, int64_t chunk_bytes = 1024) {
    auto spool = std::make_unique<Spool>(scratch_ / absl::StrCat(spools_++), &budget_);
    const auto encoded = EncodedState::Encode(delta, Codec::kF32, chunk_bytes, 1);
    for (const std::string& chunk : encoded->chunks()) EXPECT_TRUE(spool->Append(chunk).ok());
    return spool;
  }

  std::string HashOf(Aggregator&& aggregator) {
    const auto merged = std::move(aggregator).Finish(globals_);
    EXPECT_TRUE(merged.ok()) << merged.status();
    return ModelHash(*merged);
  }

  AggregationConfig config_;
  std::map<std::string, StateDict> globals_;
  std::vector<Target> targets_;
  std::vector<CohortMember> cohort_;
  const ScratchFolder scratch_;
  SpoolBudget budget_{1 << 20};
  int spools_ = 0;
};

TEST_P(AggregatorTest, AnyOrderOfArrivalAndChunkingGivesTheSameBits) {
  Aggregator first(targets_, cohort_, config_);
  for (const CohortMember& member : cohort_) {
    ASSERT_TRUE(first.Add(member.client, Upload(member.client)).ok());
  }
  const std::string hash = HashOf(std::move(first));
  std::vector<CohortMember> order = cohort_;
  RandomStream stream(1, "order");
  for (const int64_t chunk_bytes : {1, 600, 1 << 20}) {
    stream.Shuffle(absl::MakeSpan(order));
    Aggregator other(targets_, cohort_, config_);
    for (const CohortMember& member : order) {
      ASSERT_TRUE(other.Add(member.client, Upload(member.client, chunk_bytes)).ok());
    }
    EXPECT_EQ(HashOf(std::move(other)), hash);
  }
}

TEST_P(AggregatorTest, UpdatesThatArriveAtOnceGiveTheSameBits) {
  std::string hashes[2];
  for (const bool at_once : {false, true}) {
    Aggregator aggregator(targets_, cohort_, config_);
    std::vector<std::unique_ptr<Spool>> uploads;
    for (const CohortMember& member : cohort_) uploads.push_back(Upload(member.client));
    std::vector<std::thread> threads;
    for (size_t i = 0; i < cohort_.size(); ++i) {
      threads.emplace_back(
          [&, i] { EXPECT_TRUE(aggregator.Add(cohort_[i].client, std::move(uploads[i])).ok()); });
      if (!at_once) threads.back().join();
    }
    for (std::thread& thread : threads) {
      if (thread.joinable()) thread.join();
    }
    hashes[at_once ? 1 : 0] = HashOf(std::move(aggregator));
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

TEST_P(AggregatorTest, AClientThatNeverReportedLeavesNoTrace) {
  std::vector<CohortMember> present(cohort_.begin(), cohort_.end() - 1);
  Aggregator small(targets_, present, config_), large(targets_, cohort_, config_);
  for (const CohortMember& member : present) {
    ASSERT_TRUE(small.Add(member.client, Upload(member.client)).ok());
    ASSERT_TRUE(large.Add(member.client, Upload(member.client)).ok());
  }
  const auto a = std::move(small).Finish(globals_), b = std::move(large).Finish(globals_);
  for (const auto& [name, state] : *a) {
    for (size_t i = 0; i < state.size(); ++i) {
      for (size_t j = 0; j < state[i].tensor.values.size(); ++j) {
        // Not the same bits: n_k / N is rounded to 2^-41 with another N.
        EXPECT_NEAR(state[i].tensor.values[j], b->at(name)[i].tensor.values[j], 1e-6);
      }
    }
  }
}

TEST_P(AggregatorTest, ARefusedUpdateLeavesTheSumsUntouched) {
  StateDict bad = Draw("bad", 0.01);
  bad[2].tensor.values[100] = std::numeric_limits<float>::quiet_NaN();  // in the last tensor
  StateDict large = Draw("large", 0.01);
  large[2].tensor.values[5] = 2 * kLargestDelta;
  Aggregator clean(targets_, cohort_, config_), tried(targets_, cohort_, config_);
  EXPECT_EQ(tried.Add("img0", SpoolOf(bad)).code(), absl::StatusCode::kOutOfRange);
  const absl::Status too_large = tried.Add("img0", SpoolOf(large));
  EXPECT_EQ(too_large.code(), absl::StatusCode::kOutOfRange);
  EXPECT_NE(too_large.message().find("norm.weight"), std::string::npos) << too_large;
  EXPECT_EQ(tried.added(), 0u);
  for (const CohortMember& member : cohort_) {
    ASSERT_TRUE(clean.Add(member.client, Upload(member.client)).ok());
    ASSERT_TRUE(tried.Add(member.client, Upload(member.client)).ok());
  }
  EXPECT_EQ(HashOf(std::move(tried)), HashOf(std::move(clean)));
}

TEST_P(AggregatorTest, RefusesStrangersRepeatsAndPartialUpdates) {
  Aggregator aggregator(targets_, cohort_, config_);
  EXPECT_EQ(aggregator.Add("nobody", Upload("nobody")).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(aggregator.Add("img0", Upload("img0")).ok());
  EXPECT_EQ(aggregator.Add("img0", Upload("img0")).code(), absl::StatusCode::kAlreadyExists);
  auto cut = std::make_unique<Spool>(scratch_ / "cut", &budget_);
  ASSERT_TRUE(cut->Append(*Upload("img1")->Read(0)).ok());
  EXPECT_EQ(aggregator.Add("img1", std::move(cut)).code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(AggregatorTest, WithoutAnyUpdateTheGlobalsStay) {
  EXPECT_EQ(HashOf(Aggregator(targets_, cohort_, config_)), ModelHash(globals_));
}

// Representations ride behind the plain tensors: kept by client, merged into nothing.
TEST_P(AggregatorTest, RepresentationsAreKeptAsTheyCame) {
  Aggregator plain(targets_, cohort_, config_);
  ASSERT_TRUE(plain.Add("img1", Upload("img1")).ok());
  EXPECT_TRUE(plain.Representations().empty());
  targets_[0].representations = {{"public.features", {5, 3}}};
  Aggregator aggregator(targets_, cohort_, config_);
  StateDict update = Draw("delta.img1", 0.01);
  Tensor features = Tensor::Zeros({5, 3});
  for (size_t i = 0; i < features.values.size(); ++i) features.values[i] = static_cast<float>(i);
  ASSERT_TRUE(update.Add("public.features", features).ok());
  EXPECT_FALSE(aggregator.Add("img0", Upload("img0")).ok()) << "without its representations";
  EXPECT_TRUE(aggregator.Representations().empty());
  ASSERT_TRUE(aggregator.Add("img1", SpoolOf(update)).ok());
  EXPECT_EQ(aggregator.Representations().at("img1").Find("public.features")->values,
            features.values);
  EXPECT_EQ(HashOf(std::move(aggregator)), HashOf(std::move(plain)));
}

INSTANTIATE_TEST_SUITE_P(Rules, AggregatorTest, testing::Values(Rule::kPaper, Rule::kRelease),
                         [](const auto& info) {
                           return info.param == Rule::kPaper ? "Paper" : "Release";
                         });

}  // namespace
}  // namespace tributary
