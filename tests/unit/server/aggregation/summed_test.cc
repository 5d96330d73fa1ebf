// Further tensors of updates that are summed, and plans that a method adjusts.
#include <cmath>
#include <memory>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "server/aggregation/aggregator.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

constexpr int kClients = 5;
constexpr double kWeight = 0.125;  // one of eight expected clients
constexpr size_t kValues = 3000;   // more than one chunk of a kilobyte

class SummedTest : public testing::TestWithParam<bool> {  // whether updates are kept to the end
 protected:
  SummedTest() {
    EXPECT_TRUE(globals_["img"].Add("norm.weight", Values("global", 1)).ok());
    targets_ = {{.dataset = "img",
                 .modality = Modality::kImage,
                 .manifest = Manifest::Of(globals_["img"]),
                 .summed = {{{"further", {static_cast<int64_t>(kValues)}}, kWeight}},
                 .representations = {{"public.features", {2}}}}};
    for (int i = 0; i < kClients; ++i) {
      cohort_.push_back(
          {absl::StrCat("img", i), "img", Modality::kImage, static_cast<uint64_t>(10 + 7 * i)});
    }
  }

  static Tensor Values(const std::string& name, double scale) {
    RandomStream stream(1, name);
    Tensor tensor = Tensor::Zeros({static_cast<int64_t>(kValues)});
    for (float& value : tensor.values) value = static_cast<float>(scale * stream.Normal());
    return tensor;
  }
  static StateDict UpdateOf(const std::string& client) {
    StateDict update;
    EXPECT_TRUE(update.Add("norm.weight", Values("delta." + client, 0.01)).ok());
    EXPECT_TRUE(update.Add("further", Values("further." + client, 3)).ok());
    EXPECT_TRUE(update.Add("public.features", {{2}, {1, 2}}).ok());
    return update;
  }

  std::unique_ptr<Aggregator> NewAggregator(PlanAdjustment adjust = nullptr, Sums sums = {}) {
    return std::make_unique<Aggregator>(targets_, cohort_, config_, std::move(sums), GetParam(),
                                        std::move(adjust));
  }
  void Add(Aggregator* aggregator, const std::vector<int>& clients) {
    for (const int i : clients) {
      const CohortMember& member = cohort_[static_cast<size_t>(i)];
      const auto owner = std::make_shared<const StateDict>(UpdateOf(member.client));
      const auto encoded = EncodedState::Encode(
          EncodedState::SourcesOf(*owner), owner,
          {.chunk_bytes = 1024, .plain_f32 = i % 2 == 0});  // some merged as they lie, some decoded
      auto spool = std::make_unique<Spool>(scratch_ / absl::StrCat(spools_++), &budget_);
      ASSERT_TRUE(AddWhole(member, *encoded, std::move(spool), aggregator).ok());
    }
  }
  // The summed tensor after `clients` have reported, in that order.
  std::vector<float> SumOf(const std::vector<int>& clients) {
    const auto aggregator = NewAggregator();
    Add(aggregator.get(), clients);
    std::map<std::string, StateDict> globals = globals_;
    EXPECT_TRUE(aggregator->FinishInto(&globals).ok());
    return aggregator->TakeOutcome().summed.at("img").Find("further")->values;
  }

  AggregationConfig config_;
  std::map<std::string, StateDict> globals_;
  std::vector<Target> targets_;
  std::vector<CohortMember> cohort_;
  const ScratchFolder scratch_;
  SpoolBudget budget_{1 << 24};
  int spools_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, SummedTest, testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "Kept" : "AddedAsTheyCome");
});

TEST_P(SummedTest, IsTheSumOverArrivalsWithTheFixedWeight) {
  const std::vector<float> sum = SumOf({0, 1, 2, 3, 4});
  std::vector<double> expected(kValues);
  for (const CohortMember& member : cohort_) {
    const std::vector<float> values = Values("further." + member.client, 3).values;
    for (size_t i = 0; i < kValues; ++i) expected[i] += kWeight * double{values[i]};
  }
  for (size_t i = 0; i < kValues; ++i) ASSERT_EQ(sum[i], static_cast<float>(expected[i])) << i;
}

TEST_P(SummedTest, AnyOrderOfArrivalGivesTheSameBits) {
  EXPECT_EQ(SumOf({0, 1, 2, 3, 4}), SumOf({4, 2, 0, 3, 1}));
}

// Unlike the weights, which are a mean: without three clients of five nothing is made up for them.
TEST_P(SummedTest, AbsentClientsContributeNothingAndNobodyIsRescaledForThem) {
  const std::vector<float> sum = SumOf({1, 3});
  const std::vector<float> one = Values("further.img1", 3).values;
  const std::vector<float> three = Values("further.img3", 3).values;
  for (size_t i = 0; i < kValues; ++i) {
    ASSERT_EQ(sum[i], static_cast<float>(kWeight * (double{one[i]} + double{three[i]}))) << i;
  }
}

TEST_P(SummedTest, LeavesTheGlobalsAsTheyWouldBeWithoutFurtherTensors) {
  const auto aggregator = NewAggregator();
  Add(aggregator.get(), {0, 1, 2, 3, 4});
  std::map<std::string, StateDict> globals = globals_;
  ASSERT_TRUE(aggregator->FinishInto(&globals).ok());
  double total = 0;
  for (const CohortMember& member : cohort_) total += static_cast<double>(member.samples);
  const std::vector<float> before = Values("global", 1).values;
  std::vector<double> expected(before.begin(), before.end());
  for (const CohortMember& member : cohort_) {
    const std::vector<float> delta = Values("delta." + member.client, 0.01).values;
    for (size_t i = 0; i < kValues; ++i) {
      expected[i] += static_cast<double>(member.samples) / total * double{delta[i]};
    }
  }
  for (size_t i = 0; i < kValues; ++i) {
    ASSERT_NEAR(globals.at("img")[0].tensor.values[i], expected[i], 1e-6) << i;
  }
  EXPECT_EQ(aggregator->Representations().at("img4").Find("public.features")->values,
            (std::vector<float>{1, 2}));
}

TEST_P(SummedTest, SumsThatARoundPassesOnAreEmpty) {
  const auto first = NewAggregator();
  Add(first.get(), {0, 1, 2});
  const auto next = NewAggregator(nullptr, first->TakeSums());
  Add(next.get(), {1, 3});
  std::map<std::string, StateDict> globals = globals_;
  ASSERT_TRUE(next->FinishInto(&globals).ok());
  EXPECT_EQ(next->TakeOutcome().summed.at("img").Find("further")->values, SumOf({1, 3}));
}

// A plan whose coefficients come to 400: beyond what a sum holds as they are.
TEST_P(SummedTest, AnAdjustedPlanOfLargeCoefficientsIsExactWithAndWithoutAbsentClients) {
  const PlanAdjustment adjust = [](const std::vector<CohortMember>&, Plan* plan) {
    for (auto& [dataset, parameters] : *plan) {
      for (std::vector<Contribution>& contributions : parameters) {
        for (Contribution& contribution : contributions) contribution.coefficient *= 400;
      }
    }
  };
  for (const std::vector<int>& clients : {std::vector<int>{0, 1, 2, 3, 4}, {0, 2, 3}}) {
    const auto aggregator = NewAggregator(adjust);
    Add(aggregator.get(), clients);
    std::map<std::string, StateDict> globals = globals_;
    ASSERT_TRUE(aggregator->FinishInto(&globals).ok());
    double total = 0;
    for (const int i : clients)
      total += static_cast<double>(cohort_[static_cast<size_t>(i)].samples);
    const std::vector<float> before = Values("global", 1).values;
    std::vector<double> expected(before.begin(), before.end());
    for (const int i : clients) {
      const CohortMember& member = cohort_[static_cast<size_t>(i)];
      const std::vector<float> delta = Values("delta." + member.client, 0.01).values;
      for (size_t j = 0; j < kValues; ++j) {
        expected[j] += 400 * static_cast<double>(member.samples) / total * double{delta[j]};
      }
    }
    for (size_t j = 0; j < kValues; ++j) {
      ASSERT_NEAR(globals.at("img")[0].tensor.values[j], expected[j], 2e-6) << j;
    }
    const Aggregator::Outcome outcome = aggregator->TakeOutcome();
    ASSERT_EQ(outcome.routing->cohort().size(), clients.size());
    const Contribution& first = outcome.routing->plan().at("img")[0].front();
    EXPECT_DOUBLE_EQ(first.coefficient, 400 * 10 / total) << "as it was used in the end";
  }
}

}  // namespace
}  // namespace tributary
