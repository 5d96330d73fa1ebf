#include "preparation/datasets/record_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preparation/datasets/image_list.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;

TEST(RecordSamplesTest, EachLabelIsTheImageOfItsNumber) {
  const DatasetFolder folder;
  folder.Put("records", "headAAxBBxCCx");
  SampleSet set;
  set.classes = {"zero", "one"};
  set.raw = {.height = 1, .width = 2, .channels = 1};
  AddRecords({.tree = FileTree::OfFolder(folder.path(), {"records"}), .first = 4, .stride = 3},
             {1, 0, 1}, &set, &set.train);
  ASSERT_EQ(set.train.size(), 3U);
  EXPECT_EQ(PixelsOf(set, set.train[0]), "AA");
  EXPECT_EQ(PixelsOf(set, set.train[2]), "CC");
  EXPECT_EQ(set.train[1].label, 0);
  EXPECT_EQ(set.train[2].line, 3);
}

TEST(RecordSamplesTest, LabelsOutsideTheClassesAreListedAndLeaveNoGap) {
  const DatasetFolder folder;
  folder.Put("records", "ABCD");
  SampleSet set;
  set.classes = {"zero", "one"};
  set.raw = {.height = 1, .width = 1, .channels = 1};
  AddRecords({.tree = FileTree::OfFolder(folder.path(), {"records"}), .stride = 1}, {0, -1, 2, 1},
             &set, &set.test);
  ASSERT_EQ(set.test.size(), 2U);
  EXPECT_EQ(set.images.size(), 2U);
  EXPECT_EQ(PixelsOf(set, set.test[1]), "D");
  EXPECT_THAT(folder.SkippedIn(set), ElementsAre("records:2: label -1; expected 0 to 1",
                                                 "records:3: label 2; expected 0 to 1"));
}

TEST(RecordSamplesTest, SeveralFilesKeepTheirOwnTreesAndOrigins) {
  const DatasetFolder folder;
  folder.Put("a", "A");
  folder.Put("b", "B");
  SampleSet set;
  set.classes = {"zero"};
  set.raw = {.height = 1, .width = 1, .channels = 1};
  for (const char* name : {"a", "b"}) {
    AddRecords({.tree = FileTree::OfFolder(folder.path(), {name}), .stride = 1}, {0}, &set,
               &set.train);
  }
  EXPECT_EQ(PixelsOf(set, set.train[1]), "B");
  EXPECT_EQ(folder.NameOf(set.origins[static_cast<size_t>(set.train[1].origin)]), "b");
}

TEST(ImageListTest, ImagesKeepTheirNumbersWhateverTheOrderOfTheTree) {
  const DatasetFolder folder;
  folder.Put("z.png", "z");
  folder.Put("sub/a.png", "a");
  ImageList list(folder.path());
  EXPECT_EQ(list.Add(folder.path() + "/z.png"), 0);
  EXPECT_EQ(list.Add(folder.path() + "/sub/a.png"), 1);
  SampleSet set;
  std::move(list).MoveTo(&set);
  ASSERT_EQ(set.images.size(), 2U);
  Sample first, second;
  first.image = 0;
  second.image = 1;
  EXPECT_EQ(ImageNameOf(set, first), "z.png");
  EXPECT_EQ(ImageNameOf(set, second), "sub/a.png");
}

}  // namespace
}  // namespace tributary
