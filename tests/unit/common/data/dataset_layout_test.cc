#include "common/data/dataset_layout.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(DatasetLayoutTest, ClientsHaveFoldersOfTheirOwn) {
  EXPECT_EQ(ClientFolder(7), "client-07");
  EXPECT_EQ(ClientFolder(123), "client-123");
  EXPECT_EQ(TrainShardOf(0), "client-00/train.shard");
}

}  // namespace
}  // namespace tributary
