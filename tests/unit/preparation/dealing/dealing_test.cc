#include "preparation/dealing/dealing.h"

#include <algorithm>
#include <set>
#include <vector>

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

// A set of `images` images with two captions each.
SampleSet Captioned(int64_t images) {
  SampleSet set;
  for (int64_t image = 0; image < images; ++image) {
    for (int caption = 0; caption < 2; ++caption) {
      Sample sample;
      sample.image = image;
      set.train.push_back(sample);
    }
  }
  return set;
}

TEST(OwnTestTest, CaptionsStayWithTheirImageAndNothingIsLost) {
  const SampleSet set = Captioned(10);
  std::vector<int64_t> hand;
  for (int64_t row = 4; row < 20; ++row) hand.push_back(row);  // images 2 to 9
  const std::vector<int64_t> whole = hand;
  const std::vector<int64_t> test = TakeOwnTest(0.25, set, "pairs", 3, 7, &hand);
  EXPECT_EQ(test.size(), 4u) << "two of eight images";
  std::set<int64_t> test_images, train_images;
  for (const int64_t row : test) test_images.insert(row / 2);
  for (const int64_t row : hand) train_images.insert(row / 2);
  EXPECT_EQ(test_images.size(), 2u);
  for (const int64_t image : test_images) EXPECT_FALSE(train_images.contains(image)) << image;
  std::vector<int64_t> together = hand;
  together.insert(together.end(), test.begin(), test.end());
  std::sort(together.begin(), together.end());
  EXPECT_EQ(together, whole);
  std::vector<int64_t> again = whole;
  EXPECT_EQ(TakeOwnTest(0.25, set, "pairs", 3, 7, &again), test) << "the same draws";
  std::vector<int64_t> other = whole;
  EXPECT_NE(TakeOwnTest(0.25, set, "pairs", 4, 7, &other), test) << "each client has its own";
}

TEST(OwnTestTest, NeitherPartIsEmptyUnlessThereIsOneImage) {
  SampleSet set;
  set.train.resize(3);  // texts
  for (const double share : {0.001, 0.5, 0.999}) {
    std::vector<int64_t> hand = {0, 1, 2};
    const size_t tests = TakeOwnTest(share, set, "words", 0, 1, &hand).size();
    EXPECT_GE(tests, 1u) << share;
    EXPECT_EQ(hand.size(), 3 - tests);
    EXPECT_FALSE(hand.empty()) << share;
  }
  std::vector<int64_t> one = {2};
  EXPECT_TRUE(TakeOwnTest(0.5, set, "words", 0, 1, &one).empty());
  EXPECT_EQ(one.size(), 1u);
}

}  // namespace
}  // namespace tributary
