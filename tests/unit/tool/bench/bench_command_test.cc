#include "tool/bench/bench_command.h"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include "tool/bench/machine_limits.h"

namespace tributary {
namespace {

class BenchFlagsTest : public testing::Test {
 protected:
  BenchFlagsTest() { AddBenchFlags(&app_, &command_); }
  CLI::App app_;
  BenchCommand command_;
};

TEST_F(BenchFlagsTest, WireTakesASizeAndCodecs) {
  app_.parse(
      "wire --mb 22.5 --tensors 30 --clients 2 --rounds 7 --codec int8-block --delta none "
      "--attending 9 --processes 3 --out folder --no-raw --json");
  EXPECT_TRUE(command_.wire->parsed());
  EXPECT_EQ(command_.size.megabytes, 22.5);
  EXPECT_EQ(command_.size.tensors, 30);
  EXPECT_EQ(command_.size.clients, 2);
  EXPECT_EQ(command_.size.rounds, 7);
  EXPECT_EQ(command_.codec, "int8-block");
  EXPECT_EQ(command_.delta, "none");
  EXPECT_EQ(command_.attending, 9);
  EXPECT_EQ(command_.processes, 3);
  EXPECT_EQ(command_.out, "folder");
  EXPECT_FALSE(command_.raw);
  EXPECT_TRUE(command_.json);
}

TEST_F(BenchFlagsTest, TheMachinesLimitsAreMeasuredUnlessNot) {
  app_.parse("wire");
  EXPECT_TRUE(command_.raw);
  EXPECT_EQ(command_.codec, "f32");
  EXPECT_EQ(command_.delta, "auto");
}

TEST_F(BenchFlagsTest, AttendTakesWhatClientsSayOfThemselves) {
  app_.parse(
      "attend --server host:1 --clients 1000 --prefix p --dataset d --modality pair --classes 3 "
      "--image-size 64 --channels 1 --threads 2 --seconds 1.5 --insecure");
  EXPECT_TRUE(command_.attend->parsed());
  EXPECT_EQ(command_.server, "host:1");
  EXPECT_EQ(command_.size.clients, 1000);
  EXPECT_EQ(command_.prefix, "p");
  EXPECT_EQ(command_.dataset, "d");
  EXPECT_EQ(command_.modality, "pair");
  EXPECT_EQ(command_.classes, 3U);
  EXPECT_EQ(command_.image_size, 64U);
  EXPECT_EQ(command_.channels, 1U);
  EXPECT_EQ(command_.threads, 2);
  EXPECT_EQ(command_.seconds, 1.5);
  EXPECT_TRUE(command_.insecure);
}

TEST_F(BenchFlagsTest, WhatCannotBeMeasuredIsRefused) {
  for (const char* wrong : {"", "wire --mb 0.1", "wire --tensors 1", "wire --clients 0",
                            "wire --rounds 0", "wire --codec zip", "wire --delta f32", "attend",
                            "attend --server x --modality sound", "coordinator", "raw-client"}) {
    CLI::App app;
    BenchCommand command;
    AddBenchFlags(&app, &command);
    EXPECT_THROW(app.parse(std::string(wrong)), CLI::ParseError) << wrong;
  }
}

TEST_F(BenchFlagsTest, TheProcessesThatWireStartsAreNotListed) {
  const std::string help = app_.help();
  EXPECT_NE(help.find("attend"), std::string::npos);
  EXPECT_EQ(help.find("raw-server"), std::string::npos);
}

TEST(MachineLimitsTest, EveryLimitIsMeasured) {
  const MachineLimits limits = MeasureLimits(1 << 20);
  EXPECT_GT(limits.memcpy_gbps, 0);
  EXPECT_GT(limits.weighted_sum_gbps, 0);
  EXPECT_GT(limits.accumulate_gbps, 0);
}

}  // namespace
}  // namespace tributary
