#include "common/model/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(DeviceTest, TheCpuIsAlwaysThere) { EXPECT_TRUE(OpenDevice("cpu")->is_cpu()); }

TEST(DeviceTest, AutomaticChoiceNeverFails) { EXPECT_TRUE(OpenDevice("auto").ok()); }

TEST(DeviceTest, RefusesOtherWords) {
  for (const char* name : {"", "gpu", "cuda:x", "CPU"}) {
    const auto device = OpenDevice(name);
    // "cuda:x" is found wrong only after CUDA was found.
    if (device.status().code() == absl::StatusCode::kFailedPrecondition) continue;
    EXPECT_EQ(device.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(device.status().message()), HasSubstr("\"")) << name;
  }
}

TEST(DeviceTest, WithoutCudaSaysWhatIsMissingAndWhatToDo) {
  if (OpenDevice("auto")->is_cuda()) GTEST_SKIP() << "this machine has CUDA";
  const auto device = OpenDevice("cuda");
  EXPECT_EQ(device.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(device.status().message()), HasSubstr("--device cpu"));
}

}  // namespace
}  // namespace tributary
