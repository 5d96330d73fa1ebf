// What a file says beside its tensors, and how one is written piece by piece.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class SafetensorsFileTest : public testing::Test {
 protected:
  // Opens a file of this header and so many bytes of values.
  absl::StatusOr<std::unique_ptr<SafetensorsFile>> Opened(const std::string& header,
                                                          const std::string& values) {
    const uint64_t length = header.size();
    EXPECT_TRUE(WriteFileAtomically(
                    path_, std::string(reinterpret_cast<const char*>(&length), 8) + header + values)
                    .ok());
    return SafetensorsFile::Open(path_);
  }
  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "file.safetensors";
};

TEST_F(SafetensorsFileTest, MetadataIsKept) {
  StateDict state;
  ASSERT_TRUE(state.Add("a", {{1}, {1}}).ok());
  ASSERT_TRUE(WriteSafetensors(path_, state, {{"dim", "8"}, {"names", "paper"}}).ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->metadata(), ElementsAre(Pair("dim", "8"), Pair("names", "paper")));
  ASSERT_TRUE(WriteSafetensors(path_, state).ok());
  EXPECT_THAT((*SafetensorsFile::Open(path_))->metadata(), IsEmpty());
}

TEST_F(SafetensorsFileTest, MetadataThatIsNoTextIsPassedOver) {
  const auto file = Opened(R"({"__metadata__": {"a": 1, "b": "2"}})", "");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->metadata(), ElementsAre(Pair("b", "2")));
  EXPECT_THAT((*file)->entries(), IsEmpty());
}

TEST_F(SafetensorsFileTest, EntriesComeInTheOrderOfTheirBytes) {
  const auto file = Opened(R"({"a": {"dtype": "U8", "shape": [2], "data_offsets": [8, 10]},
                               "b": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]},
                               "c": {"dtype": "BF16", "shape": [0], "data_offsets": [8, 8]}})",
                           "12345678xy");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ((*file)->entries().size(), 3U);
  EXPECT_EQ((*file)->entries()[0].name, "b");
  EXPECT_EQ((*file)->entries()[2].name, "a");
  const SafetensorsFile::Entry* last = (*file)->Find("a");
  ASSERT_NE(last, nullptr);
  EXPECT_THAT(last->bytes, ElementsAre('x', 'y'));
  EXPECT_EQ((*file)->Find("none"), nullptr);
}

TEST_F(SafetensorsFileTest, WhatIsNotThereIsNotFound) {
  const absl::Status status = SafetensorsFile::Open(scratch_ / "none").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("none"));
}

TEST_F(SafetensorsFileTest, EveryRefusalNamesTheFileAndTheTensor) {
  const absl::Status status =
      Opened(R"({"odd": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}})",
             std::string(8, '\0'))
          .status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
  EXPECT_THAT(std::string(status.message()), HasSubstr("odd"));
}

TEST_F(SafetensorsFileTest, NegativeAndFractionalOffsetsAreRefused) {
  for (const char* offsets : {"[-8, 0]", "[0, -1]", "[0]", "[]", "\"0-8\"", "null"}) {
    const absl::Status status =
        Opened(
            absl::StrCat(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": )", offsets, "}}"),
            std::string(8, '\0'))
            .status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << offsets << ": " << status;
  }
}

// Tensors whose values come at the last moment: 1 into the first that is awaited, then 2.
class LateTensors : public PendingTensors {
 public:
  void Await(const Tensor& tensor) override {
    awaited.push_back(&tensor);
    const_cast<Tensor&>(tensor).values.assign(2, static_cast<float>(awaited.size()));
  }

  std::vector<const Tensor*> awaited;
};

TEST_F(SafetensorsFileTest, EachTensorIsAwaitedBeforeItIsRead) {
  StateDict state;
  ASSERT_TRUE(state.Add("first", Tensor::Zeros({2})).ok());
  ASSERT_TRUE(state.Add("second", Tensor::Zeros({2})).ok());
  LateTensors late;
  AtomicFile file(path_);
  ASSERT_TRUE(AppendSafetensors(state, {}, &late, &file).ok());
  ASSERT_TRUE(std::move(file).Commit().ok());
  EXPECT_THAT(late.awaited, ElementsAre(&state[0].tensor, &state[1].tensor));
  const auto read = ReadSafetensors(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->Find("first")->values, ElementsAre(1, 1));
  EXPECT_THAT(read->Find("second")->values, ElementsAre(2, 2));
}

TEST_F(SafetensorsFileTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(WriteSafetensors(scratch_ / "none/file", StateDict()).ok());
}

TEST(ModelHashTest, IsOfTheDocumentedBytes) {
  StateDict state;
  ASSERT_TRUE(state.Add("w", {{2}, {1, 2}}).ok());
  const float values[] = {1, 2};
  std::string bytes("model/w\0", 8);
  bytes.append(reinterpret_cast<const char*>(values), sizeof(values));
  EXPECT_EQ(ModelHash({{"model", state}}), Sha256Hex(bytes));
  EXPECT_EQ(ModelHash({}), Sha256Hex(""));
}

TEST(TensorTest, ZerosHaveAllTheirValues) {
  const Tensor tensor = Tensor::Zeros({2, 3});
  EXPECT_EQ(tensor.shape, (Shape{2, 3}));
  EXPECT_THAT(tensor.values, ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_EQ(Tensor::Zeros({}).values.size(), 1U);
  EXPECT_TRUE(Tensor::Zeros({4, 0}).values.empty());
  EXPECT_EQ(ShapeToString({}), "[]");
}

TEST(StateDictTest, ManyTensorsAreFoundAfterTheListHasGrown) {
  StateDict state;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(state.Add(absl::StrCat("t", i), {{1}, {static_cast<float>(i)}}).ok());
  }
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(state.Find(absl::StrCat("t", i))->values[0], static_cast<float>(i));
  }
  StateDict copy = state;
  copy.Find("t7")->values[0] = -1;
  EXPECT_EQ(state.Find("t7")->values[0], 7) << "copies are independent";
  EXPECT_EQ(copy.Find("t7")->values[0], -1);
}

}  // namespace
}  // namespace tributary
