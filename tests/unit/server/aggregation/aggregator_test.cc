#include "server/aggregation/aggregator.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <memory>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

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

class AggregationTest : public testing::Test {
 protected:
  explicit AggregationTest(Rule rule) {
    config_.rule = rule;
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

  std::unique_ptr<Spool> NewSpool() {
    return std::make_unique<Spool>(scratch_ / absl::StrCat(spools_++), &budget_);
  }

  const CohortMember& MemberOf(const std::string& client) const {
    return *std::find_if(cohort_.begin(), cohort_.end(),
                         [&](const CohortMember& member) { return member.client == client; });
  }

  // Pushes and adds what `client` would send of its own accord, or `delta`.
  absl::Status Add(Aggregator* aggregator, const std::string& client, int64_t chunk_bytes = 1024) {
    return Add(aggregator, client, Draw("delta." + client, 0.01), chunk_bytes);
  }
  absl::Status Add(Aggregator* aggregator, const std::string& client, const StateDict& delta,
                   int64_t chunk_bytes = 1024) {
    const auto encoded = EncodedState::Encode(delta, Codec::kF32, chunk_bytes, 1);
    return AddWhole(MemberOf(client), *encoded, NewSpool(), aggregator);
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

class AggregatorTest : public AggregationTest, public testing::WithParamInterface<Rule> {
 protected:
  AggregatorTest() : AggregationTest(GetParam()) {}
};

class PaperSumsTest : public AggregationTest {
 protected:
  PaperSumsTest() : AggregationTest(Rule::kPaper) {}
};

// Encodes `delta` in a way of the stream's choosing: chunk size, packed or plain, threads.
std::shared_ptr<const EncodedState> EncodeSomehow(const StateDict& delta, RandomStream* stream) {
  constexpr int64_t kChunkBytes[] = {1, 300, 4096, 5000, 1 << 20};
  const auto owner = std::make_shared<const StateDict>(delta);
  return EncodedState::Encode(EncodedState::SourcesOf(*owner), owner,
                              {.codec = Codec::kF32,
                               .chunk_bytes = kChunkBytes[stream->Below(std::size(kChunkBytes))],
                               .threads = 1 + static_cast<int>(stream->Below(3)),
                               .plain_f32 = stream->Below(2) == 0});
}

// Appends `encoded` in as many streams as the stream has it, each of which goes on where the one
// before it broke off.
void AppendWithBreaks(const EncodedState& encoded, Upload* upload, RandomStream* stream) {
  for (int ticket = 1; !upload->CheckComplete().ok(); ++ticket) {
    const size_t first = upload->Claim(ticket);
    const size_t end = first + stream->Below(encoded.chunks().size() - first + 1);
    ASSERT_TRUE(AppendChunks(encoded, ticket, upload, first, end).ok());
  }
}

TEST_P(AggregatorTest, AnyOrderOfArrivalAndChunkingGivesTheSameBits) {
  Aggregator first(targets_, cohort_, config_);
  for (const CohortMember& member : cohort_) {
    ASSERT_TRUE(Add(&first, member.client).ok());
  }
  const std::string hash = HashOf(std::move(first));
  std::vector<CohortMember> order = cohort_;
  RandomStream stream(1, "order");
  for (const int64_t chunk_bytes : {1, 600, 1 << 20}) {
    stream.Shuffle(absl::MakeSpan(order));
    Aggregator other(targets_, cohort_, config_);
    for (const CohortMember& member : order) {
      ASSERT_TRUE(Add(&other, member.client, chunk_bytes).ok());
    }
    EXPECT_EQ(HashOf(std::move(other)), hash);
  }
}

TEST_P(AggregatorTest, UpdatesThatArriveAtOnceGiveTheSameBits) {
  std::string hashes[2];
  for (const bool at_once : {false, true}) {
    Aggregator aggregator(targets_, cohort_, config_);
    std::vector<std::shared_ptr<Upload>> uploads;
    for (const CohortMember& member : cohort_) {
      const auto encoded =
          EncodedState::Encode(Draw("delta." + member.client, 0.01), Codec::kF32, 1024, 1);
      auto upload = WholeUpload(aggregator, member, *encoded, NewSpool());
      ASSERT_TRUE(upload.ok()) << upload.status();
      uploads.push_back(*std::move(upload));
    }
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
    ASSERT_TRUE(Add(&small, member.client).ok());
    ASSERT_TRUE(Add(&large, member.client).ok());
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
  EXPECT_EQ(Add(&tried, "img0", bad).code(), absl::StatusCode::kOutOfRange);
  const absl::Status too_large = Add(&tried, "img0", large);
  EXPECT_EQ(too_large.code(), absl::StatusCode::kOutOfRange);
  EXPECT_NE(too_large.message().find("norm.weight"), std::string::npos) << too_large;
  EXPECT_EQ(tried.added(), 0u);
  for (const CohortMember& member : cohort_) {
    ASSERT_TRUE(Add(&clean, member.client).ok());
    ASSERT_TRUE(Add(&tried, member.client).ok());
  }
  EXPECT_EQ(HashOf(std::move(tried)), HashOf(std::move(clean)));
}

TEST_P(AggregatorTest, RefusesStrangersRepeatsAndPartialUpdates) {
  Aggregator aggregator(targets_, cohort_, config_);
  const auto encoded = EncodedState::Encode(Draw("delta.img1", 0.01), Codec::kF32, 1024, 1);
  const auto whole = WholeUpload(aggregator, MemberOf("img1"), *encoded, NewSpool());
  EXPECT_EQ(aggregator.Add("nobody", *whole).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Add(&aggregator, "img0").ok());
  EXPECT_EQ(Add(&aggregator, "img0").code(), absl::StatusCode::kAlreadyExists);
  const auto cut = aggregator.NewUpload(MemberOf("img1"), encoded->bytes(), NewSpool());
  cut->Claim(1);
  ASSERT_TRUE(AppendChunks(*encoded, 1, cut.get(), 0, 1).ok());
  EXPECT_EQ(aggregator.Add("img1", cut).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(aggregator.added(), 1u);
}

TEST_P(AggregatorTest, WithoutAnyUpdateTheGlobalsStay) {
  EXPECT_EQ(HashOf(Aggregator(targets_, cohort_, config_)), ModelHash(globals_));
}

// Representations ride behind the plain tensors: kept by client, merged into nothing.
TEST_P(AggregatorTest, RepresentationsAreKeptAsTheyCame) {
  Aggregator plain(targets_, cohort_, config_);
  ASSERT_TRUE(Add(&plain, "img1").ok());
  EXPECT_TRUE(plain.Representations().empty());
  targets_[0].representations = {{"public.features", {5, 3}}};
  Aggregator aggregator(targets_, cohort_, config_);
  StateDict update = Draw("delta.img1", 0.01);
  Tensor features = Tensor::Zeros({5, 3});
  for (size_t i = 0; i < features.values.size(); ++i) features.values[i] = static_cast<float>(i);
  ASSERT_TRUE(update.Add("public.features", features).ok());
  EXPECT_FALSE(Add(&aggregator, "img0").ok()) << "without its representations";
  EXPECT_TRUE(aggregator.Representations().empty());
  ASSERT_TRUE(Add(&aggregator, "img1", update).ok());
  EXPECT_EQ(aggregator.Representations().at("img1").Find("public.features")->values,
            features.values);
  EXPECT_EQ(HashOf(std::move(aggregator)), HashOf(std::move(plain)));
}

TEST_P(AggregatorTest, HoweverUpdatesArriveTheyEndInTheSameBits) {
  Aggregator plain(targets_, cohort_, config_);
  for (const CohortMember& member : cohort_) ASSERT_TRUE(Add(&plain, member.client).ok());
  const std::string hash = HashOf(std::move(plain));
  std::vector<CohortMember> order = cohort_;
  Sums sums;  // each run uses the memory of the one before it
  for (uint64_t run = 0; run < 48; ++run) {
    RandomStream stream(2, "arrivals", run);
    stream.Shuffle(absl::MakeSpan(order));
    const int threads = 1 + static_cast<int>(run % 4);
    SpoolBudget budget(static_cast<int64_t>(stream.Below(40'000)));  // the rest goes to files
    const bool keep = run % 3 == 1;
    Aggregator aggregator(targets_, cohort_, config_, std::move(sums), keep);
    for (const CohortMember& member : order) {
      const auto encoded = EncodeSomehow(Draw("delta." + member.client, 0.01), &stream);
      const auto upload = aggregator.NewUpload(
          member, encoded->bytes(),
          std::make_unique<Spool>(scratch_ / absl::StrCat("run", run, member.client), &budget));
      AppendWithBreaks(*encoded, upload.get(), &stream);
      ASSERT_TRUE(aggregator.Add(member.client, upload, threads).ok());
    }
    std::map<std::string, StateDict> merged = globals_;
    ASSERT_TRUE(aggregator.FinishInto(&merged, threads).ok());
    EXPECT_EQ(ModelHash(merged), hash) << "run " << run;
    sums = aggregator.TakeSums();
  }
}

TEST_P(AggregatorTest, AFinishedMergeHoldsNoUpdates) {
  Aggregator aggregator(targets_, cohort_, config_, {}, /*keep=*/true);
  for (const CohortMember& member : cohort_) ASSERT_TRUE(Add(&aggregator, member.client).ok());
  EXPECT_FALSE(budget_.Take(1 << 20)) << "kept updates lie in memory";
  std::map<std::string, StateDict> merged = globals_;
  const auto merge = aggregator.BeginMerge(&merged, 2);
  ASSERT_TRUE(merge.ok()) << merge.status();
  (*merge)->Finish();
  EXPECT_TRUE(budget_.Take(1 << 20));
  budget_.Give(1 << 20);
}

// A round that is given up leaves its sums behind: the next attempt must not find them.
TEST_P(AggregatorTest, SumsOfARoundThatWasGivenUpAreForgotten) {
  Aggregator clean(targets_, cohort_, config_), given_up(targets_, cohort_, config_);
  ASSERT_TRUE(Add(&clean, "pair1").ok());
  ASSERT_TRUE(Add(&given_up, "img1").ok());
  ASSERT_TRUE(Add(&given_up, "pair2").ok());
  Aggregator next(targets_, cohort_, config_, given_up.TakeSums());
  ASSERT_TRUE(Add(&next, "pair1").ok());
  EXPECT_EQ(HashOf(std::move(next)), HashOf(std::move(clean)));
}

// Sums are exact integers: a cohort that is split over two aggregators adds up to the same.
TEST_F(PaperSumsTest, SubAggregatorsMergeToTheSumsOfOne) {
  const auto aggregator_of = [&](std::vector<Accumulator*>* views) {
    Sums sums;
    for (const Target& target : targets_) {
      sums.push_back(std::make_unique<Accumulator>(target.manifest));
      views->push_back(sums.back().get());
    }
    return std::make_unique<Aggregator>(targets_, cohort_, config_, std::move(sums));
  };
  for (uint64_t run = 0; run < 32; ++run) {
    RandomStream stream(3, "split", run);
    std::vector<Accumulator*> whole, part[2];
    const auto one = aggregator_of(&whole);
    const std::unique_ptr<Aggregator> halves[2] = {aggregator_of(&part[0]),
                                                   aggregator_of(&part[1])};
    for (const CohortMember& member : cohort_) {
      const StateDict delta = Draw("delta." + member.client, 0.01);
      for (Aggregator* aggregator : {one.get(), halves[stream.Below(2)].get()}) {
        ASSERT_TRUE(AddWhole(member, *EncodeSomehow(delta, &stream), NewSpool(), aggregator,
                             1 + static_cast<int>(stream.Below(4)))
                        .ok());
      }
    }
    for (size_t t = 0; t < targets_.size(); ++t) {
      part[0][t]->MergeWith(*part[1][t]);
      for (size_t p = 0; p < targets_[t].manifest.tensors.size(); ++p) {
        for (size_t i = 0; i < 9 * 31; ++i) {
          // Below 2^53 units the number says the integer.
          ASSERT_EQ(part[0][t]->Value(p, i), whole[t]->Value(p, i)) << run << " " << t << " " << p;
        }
      }
    }
  }
}

// The new globals as the plan says, in float64.
std::map<std::string, std::vector<std::vector<double>>> Reference(
    const std::vector<Target>& targets, const std::vector<CohortMember>& cohort,
    const AggregationConfig& config, const std::map<std::string, StateDict>& globals,
    const std::map<std::string, StateDict>& deltas) {
  std::map<std::string, std::vector<std::vector<double>>> merged;
  const Plan plan = BuildPlan(targets, cohort, config);
  for (const Target& target : targets) {
    const StateDict& global = globals.at(target.dataset);
    for (size_t p = 0; p < global.size(); ++p) {
      const std::vector<float>& old = global[p].tensor.values;
      std::vector<double> values(old.begin(), old.end());
      for (const Contribution& contribution : plan.at(target.dataset)[p]) {
        const CohortMember& member = cohort[contribution.member];
        const auto& start = globals.at(member.dataset).Find(contribution.source)->values;
        const auto& delta = deltas.at(member.client).Find(contribution.source)->values;
        for (size_t i = 0; i < values.size(); ++i) {
          const double theirs = static_cast<double>(start[i]) + delta[i];
          values[i] += contribution.coefficient * (theirs - old[i]);
        }
      }
      merged[target.dataset].push_back(std::move(values));
    }
  }
  return merged;
}

// Magnitudes from 1e-30 to 2^20, weights from 1e-6 to 1.
TEST_P(AggregatorTest, IsWithinATenMillionthOfFloat64OverAllMagnitudes) {
  for (uint64_t run = 0; run < 24; ++run) {
    RandomStream stream(4, "magnitudes", run);
    const auto draw = [&](const StateDict& like) {
      StateDict state = like;
      for (size_t t = 0; t < state.size(); ++t) {
        for (float& value : state[t].tensor.values) {
          const double magnitude = std::exp2(-100 + 119.99 * stream.Uniform());
          value = static_cast<float>(stream.Below(2) == 0 ? magnitude : -magnitude);
        }
      }
      return state;
    };
    config_.scope = std::vector{Scope::kDataset, Scope::kModality, Scope::kModalityExact}[run % 3];
    config_.compensation = run % 2 == 0 && config_.scope == Scope::kModality;
    // Some beside whom others are nothing.
    for (CohortMember& member : cohort_) {
      member.samples = stream.Below(4) == 0 ? 1'000'000 : 1 + stream.Below(10);
    }
    Aggregator aggregator(targets_, cohort_, config_);
    std::map<std::string, StateDict> deltas;
    for (const CohortMember& member : cohort_) {
      deltas[member.client] = draw(globals_.at(member.dataset));
      const auto encoded = EncodeSomehow(deltas[member.client], &stream);
      ASSERT_TRUE(AddWhole(member, *encoded, NewSpool(), &aggregator, 2).ok());
    }
    const auto expected = Reference(targets_, cohort_, config_, globals_, deltas);
    std::map<std::string, StateDict> merged = globals_;
    ASSERT_TRUE(aggregator.FinishInto(&merged, 2).ok());
    for (const auto& [name, tensors] : expected) {
      for (size_t p = 0; p < tensors.size(); ++p) {
        const std::vector<float>& values = merged.at(name)[p].tensor.values;
        for (size_t i = 0; i < values.size(); ++i) {
          ASSERT_NEAR(values[i], tensors[p][i], 1e-7 * std::max(1.0, std::abs(tensors[p][i])))
              << "run " << run << ", " << name << ", tensor " << p << ", value " << i;
        }
      }
    }
  }
}

// What rescales a sum to those who came rescales its rounding as well.
TEST_F(PaperSumsTest, WithoutItsHeaviestClientsTheErrorIsWithinTheDocumentedBound) {
  for (CohortMember& member : cohort_) {
    member.samples = member.client.ends_with('0') ? 1'000'000 : 3;
  }
  Aggregator aggregator(targets_, cohort_, config_);
  std::vector<CohortMember> arrived;
  std::map<std::string, StateDict> deltas;
  for (const CohortMember& member : cohort_) {
    if (member.samples > 3) continue;
    arrived.push_back(member);
    deltas[member.client] = Draw("delta." + member.client, 0.01);
    ASSERT_TRUE(Add(&aggregator, member.client).ok());
  }
  const auto expected = Reference(targets_, arrived, config_, globals_, deltas);
  const auto merged = std::move(aggregator).Finish(globals_);
  ASSERT_TRUE(merged.ok());
  const double bound =
      static_cast<double>(arrived.size()) * std::exp2(-41) * (2 * 1'000'000 + 6 * 3) / (3 * 3);
  for (const auto& [name, tensors] : expected) {
    for (size_t p = 0; p < tensors.size(); ++p) {
      const std::vector<float>& values = merged->at(name)[p].tensor.values;
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], tensors[p][i], bound + 6e-8 * std::abs(tensors[p][i]));
      }
    }
  }
}

// Our own disk loses what was spooled: the round must know, and nothing else is taken.
TEST_F(PaperSumsTest, ASpoolThatCannotBeReadSpoilsTheSumsUntilTheyAreTaken) {
  budget_.Take(1 << 20);  // all of it: chunks go to the file
  auto aggregator = std::make_unique<Aggregator>(targets_, cohort_, config_);
  const std::string path = scratch_ / "lost";
  const auto encoded = EncodedState::Encode(Draw("delta.img0", 0.01), Codec::kF32, 256, 1);
  auto upload =
      WholeUpload(*aggregator, MemberOf("img0"), *encoded, std::make_unique<Spool>(path, &budget_));
  ASSERT_TRUE(upload.ok()) << upload.status();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_FALSE(aggregator->Add("img0", *std::move(upload)).ok());
  EXPECT_THAT(std::string(aggregator->health().message()), testing::HasSubstr("img0"));
  std::map<std::string, StateDict> untouched = globals_;
  EXPECT_FALSE(aggregator->FinishInto(&untouched).ok());
  EXPECT_EQ(ModelHash(untouched), ModelHash(globals_));

  Aggregator next(targets_, cohort_, config_, aggregator->TakeSums());
  Aggregator fresh(targets_, cohort_, config_);
  EXPECT_TRUE(next.health().ok());
  for (Aggregator* other : {&next, &fresh}) ASSERT_TRUE(Add(other, "img0").ok());
  EXPECT_EQ(HashOf(std::move(next)), HashOf(std::move(fresh)));
}

TEST_F(PaperSumsTest, ASpoolThatCannotBeReadSpoilsWhatWasKeptToo) {
  budget_.Take(1 << 20);
  Aggregator aggregator(targets_, cohort_, config_, {}, /*keep=*/true);
  const std::string path = scratch_ / "lost";
  const auto encoded = EncodedState::Encode(Draw("delta.img0", 0.01), Codec::kF32, 256, 1);
  auto upload =
      WholeUpload(aggregator, MemberOf("img0"), *encoded, std::make_unique<Spool>(path, &budget_));
  ASSERT_TRUE(upload.ok()) << upload.status();
  ASSERT_TRUE(aggregator.Add("img0", *std::move(upload)).ok());
  ASSERT_TRUE(Add(&aggregator, "img1").ok());
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_FALSE(aggregator.AddKept().ok());
  EXPECT_FALSE(aggregator.health().ok());
  std::map<std::string, StateDict> untouched = globals_;
  EXPECT_FALSE(aggregator.FinishInto(&untouched).ok());
  EXPECT_EQ(ModelHash(untouched), ModelHash(globals_));
}

TEST_P(AggregatorTest, TheLargestDeltaIsAcceptedAndTheNextNumberIsNot) {
  Aggregator clean(targets_, cohort_, config_), tried(targets_, cohort_, config_);
  for (const float sign : {-1.0F, 1.0F}) {
    StateDict beyond = Draw("beyond", 0.01);
    beyond[1].tensor.values.back() =
        sign * std::nextafter(kLargestDelta, std::numeric_limits<float>::infinity());
    EXPECT_EQ(Add(&tried, "pair0", beyond).code(), absl::StatusCode::kOutOfRange);
  }
  StateDict largest = Draw("largest", 0.01);
  largest[1].tensor.values.front() = kLargestDelta;
  largest[1].tensor.values.back() = -kLargestDelta;
  EXPECT_TRUE(Add(&tried, "pair0", largest).ok());
  EXPECT_TRUE(Add(&clean, "pair0", largest).ok());
  EXPECT_EQ(HashOf(std::move(tried)), HashOf(std::move(clean)));
}

// Pair clients contribute twice to each shared parameter: own blocks and counterparts.
TEST(AggregatorBoundsTest, TheLargestUpdatesOfAllPairClientsDoNotOverflow) {
  AggregationConfig config;
  config.rule = Rule::kPaper;
  config.share = Share::kAttn;
  config.scope = Scope::kAll;
  config.compensation = true;  // counts a client once, though it contributes twice
  const auto filled = [](float value) {
    StateDict state;
    for (const char* name : {"blockses.0.0.attn.qkv.weight", "blockses.1.0.attn.qkv.weight"}) {
      EXPECT_TRUE(state.Add(name, {{1, 3}, {value, -value, value}}).ok());
    }
    return state;
  };
  const std::map<std::string, StateDict> globals = {{"pair", filled(0)}};
  const std::vector<Target> targets = {{"pair", Modality::kPair, Manifest::Of(filled(0))}};
  std::vector<CohortMember> cohort;
  for (int i = 0; i < 400; ++i) {
    cohort.push_back({absl::StrCat(1000 + i), "pair", Modality::kPair, 1});
  }
  Sums sums;
  sums.push_back(std::make_unique<Accumulator>(targets[0].manifest));
  Accumulator* const view = sums[0].get();
  Aggregator aggregator(targets, cohort, config, std::move(sums));
  const ScratchFolder scratch;
  SpoolBudget budget(1 << 20);
  const auto encoded = EncodedState::Encode(filled(kLargestDelta), Codec::kF32, 1 << 20, 1);
  for (const CohortMember& member : cohort) {
    ASSERT_TRUE(
        AddWhole(member, *encoded, std::make_unique<Spool>(scratch / "x", &budget), &aggregator)
            .ok());
  }
  EXPECT_NEAR(view->Value(0, 0), 2 * kLargestDelta, 1e-3) << "weights that add up to 2";
  EXPECT_NEAR(view->Value(1, 1), -2 * kLargestDelta, 1e-3);
  const auto merged = std::move(aggregator).Finish(globals);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(merged->at("pair")[0].tensor.values[0], 2 * kLargestDelta);
  EXPECT_EQ(merged->at("pair")[1].tensor.values[1], -2 * kLargestDelta);
}

INSTANTIATE_TEST_SUITE_P(Rules, AggregatorTest, testing::Values(Rule::kPaper, Rule::kRelease),
                         [](const auto& info) {
                           return info.param == Rule::kPaper ? "Paper" : "Release";
                         });

}  // namespace
}  // namespace tributary
