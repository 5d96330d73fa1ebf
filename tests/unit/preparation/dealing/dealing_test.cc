#include "preparation/dealing/dealing.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

// `images` images with three captions each, in turn of owners a, b, c.
SampleSet Pairs(int images) {
  SampleSet set;
  for (int i = 0; i < images; ++i) {
    set.images.push_back({});
    for (int caption = 0; caption < 3; ++caption) {
      Sample sample;
      sample.image = i;
      sample.owner = std::string(1, static_cast<char>('a' + i % 3));
      set.train.push_back(sample);
    }
  }
  return set;
}

SampleSet Labelled(int samples, int classes) {
  SampleSet set;
  set.modality = Modality::kText;
  for (int i = 0; i < classes; ++i) set.classes.push_back(absl::StrCat("class ", i));
  for (int i = 0; i < samples; ++i) {
    Sample sample;
    sample.label = i % classes;
    set.train.push_back(sample);
  }
  return set;
}

Partition DealOut(const std::string& words, int clients, const SampleSet& set) {
  absl::StatusOr<Dealing> dealing = ParseDealing(words);
  EXPECT_TRUE(dealing.ok()) << dealing.status();
  dealing->clients = clients;
  const absl::StatusOr<Partition> partition = Deal(*dealing, set, "a dataset", 1);
  EXPECT_TRUE(partition.ok()) << partition.status();
  return partition.value_or(Partition());
}

void ExpectImagesWhole(const SampleSet& set, const Partition& partition) {
  std::set<int64_t> seen;
  for (const auto& hand : partition) {
    std::set<int64_t> images;
    for (const int64_t row : hand) images.insert(set.train[static_cast<size_t>(row)].image);
    EXPECT_EQ(hand.size(), 3 * images.size());
    for (const int64_t image : images) EXPECT_TRUE(seen.insert(image).second) << image;
  }
}

TEST(DealingTest, CaptionsStayWithTheirImage) {
  const SampleSet set = Pairs(100);
  const Partition iid = DealOut("iid", 7, set);
  ExpectImagesWhole(set, iid);
  size_t dealt = 0;
  for (const auto& hand : iid) dealt += hand.size();
  EXPECT_EQ(dealt, 300U);
}

TEST(DealingTest, PairsAreDealtAsInThePaper) {
  const SampleSet set = Pairs(1000);
  const Partition pairs = DealOut("pairs", 4, set);
  ExpectImagesWhole(set, pairs);
  for (const auto& hand : pairs) {
    EXPECT_GE(hand.size(), 3 * 237U);  // floor(0.95 * 250)
    EXPECT_LE(hand.size(), 3 * 247U);
  }
}

TEST(DealingTest, OwnersAreNeverSplit) {
  const SampleSet set = Pairs(30);
  for (const auto& hand : DealOut("column:hospital", 3, set)) {
    std::set<std::string> owners;
    for (const int64_t row : hand) owners.insert(set.train[static_cast<size_t>(row)].owner);
    EXPECT_EQ(owners.size(), 1U);
  }
}

TEST(DealingTest, EveryClientHoldsTheClassesAskedFor) {
  const SampleSet set = Labelled(2000, 10);
  absl::StatusOr<Dealing> dealing = ParseDealing("dirichlet:0.1");
  dealing->clients = 5;
  dealing->min_classes = 6;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const auto partition = Deal(*dealing, set, "words", seed);
    ASSERT_TRUE(partition.ok()) << partition.status();
    for (const auto& hand : *partition) {
      std::set<int32_t> classes;
      for (const int64_t row : hand) classes.insert(set.train[static_cast<size_t>(row)].label);
      EXPECT_GE(classes.size(), 6U);
    }
  }
}

TEST(DealingTest, WordsThatMeanNothingAreRefused) {
  for (const char* words :
       {"", "dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:x", "column:", "random"}) {
    const auto dealing = ParseDealing(words);
    EXPECT_EQ(dealing.status().code(), absl::StatusCode::kInvalidArgument) << words;
    EXPECT_THAT(std::string(dealing.status().message()), HasSubstr("expected iid, pairs"));
  }
}

TEST(DealingTest, AnAlphaOutsideItsRangeIsRefusedWithTheRange) {
  for (const char* words : {"dirichlet:inf", "dirichlet:nan", "dirichlet:1e-9", "dirichlet:1e9"}) {
    const auto dealing = ParseDealing(words);
    EXPECT_EQ(dealing.status().code(), absl::StatusCode::kInvalidArgument) << words;
    EXPECT_THAT(std::string(dealing.status().message()), HasSubstr("from 0.0001 to 1e+06"));
  }
}

TEST(DealingTest, WhatASetLacksIsSaid) {
  const auto refused = [](const char* words, const SampleSet& set) {
    return std::string(Deal(*ParseDealing(words), set, "d", 1).status().message());
  };
  EXPECT_THAT(refused("dirichlet:1", Pairs(100)), HasSubstr("pairs have none"));
  EXPECT_THAT(refused("pairs", Labelled(100, 2)), HasSubstr("needs image-text pairs"));
  EXPECT_THAT(refused("natural", Labelled(100, 2)), HasSubstr("have no owners"));
  EXPECT_THAT(refused("natural", Pairs(30)), HasSubstr("3 owners are too few for 4 clients"));
}

}  // namespace
}  // namespace tributary
