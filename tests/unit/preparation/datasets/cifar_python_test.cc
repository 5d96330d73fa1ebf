// CIFAR's Python version, with pickles made by hand. What Python itself wrote is read in
// tests/integration/official_images_test.py.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "preparation/datasets/cifar.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

// A str as protocol 2 keeps it: its length and its bytes. `escaped`: as protocol 0 does, in quotes.
std::string Text(const std::string& bytes, bool escaped) {
  if (escaped) return absl::StrCat("S'", bytes, "'\n");
  std::string length;
  for (int byte = 0; byte < 4; ++byte) length += static_cast<char>(bytes.size() >> (8 * byte));
  return absl::StrCat("T", length, bytes);
}

// numpy.ndarray of uint8 [rows, columns], as numpy pickles it.
std::string Array(size_t rows, size_t columns, const std::string& bytes, bool escaped = false,
                  const std::string& type = "u1") {
  return absl::StrCat(
      "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I", rows, "\nI",
      columns, "\ntcnumpy\ndtype\n(S'", type, "'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\n",
      Text(bytes, escaped), "tb");
}

std::string Batch(const std::string& array, const std::vector<int>& labels,
                  const std::string& key = "labels") {
  std::string list = "(l";
  for (const int label : labels) absl::StrAppend(&list, "I", label, "\na");
  return absl::StrCat("(dS'data'\n", array, "sS'", key, "'\n", list, "s.");
}

std::string Meta(int classes) {
  std::string list = "(l";
  for (int i = 0; i < classes; ++i) absl::StrAppend(&list, "S'class", i, "'\na");
  return absl::StrCat("(dS'label_names'\n", list, "s.");
}

std::string OneImage(char pixel) { return Array(1, 3072, std::string(3072, pixel)); }

class CifarPythonTest : public ::testing::Test {
 protected:
  CifarPythonTest() {
    Put("batches.meta", Meta(10));
    for (int i = 1; i <= 5; ++i) {
      Put(absl::StrCat("data_batch_", i), Batch(OneImage(static_cast<char>('0' + i)), {i}));
    }
    Put("test_batch",
        Batch(Array(2, 3072, std::string(3072, 'a') + std::string(3072, 'b')), {7, 8}));
  }
  void Put(const std::string& name, const std::string& content) const {
    folder_.Put("cifar-10-batches-py/" + name, content);
  }
  absl::Status Refusal() const {
    const auto set = ReadCifar10(folder_.Source());
    EXPECT_FALSE(set.ok());
    return set.status();
  }

  const DatasetFolder folder_{};
};

TEST_F(CifarPythonTest, AllBatchesAreReadWithTheirLabelsAndClasses) {
  const auto set = ReadCifar10(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->classes.size(), 10U);
  EXPECT_EQ(set->classes[7], "class7");
  ASSERT_EQ(set->train.size(), 5U);
  for (int i = 0; i < 5; ++i) {
    const Sample& sample = set->train[static_cast<size_t>(i)];
    EXPECT_EQ(sample.label, i + 1);
    EXPECT_EQ(PixelsOf(*set, sample), std::string(3072, static_cast<char>('1' + i)));
  }
  ASSERT_EQ(set->test.size(), 2U);
  EXPECT_EQ(set->test[1].label, 8);
  EXPECT_EQ(PixelsOf(*set, set->test[1]), std::string(3072, 'b'));
}

TEST_F(CifarPythonTest, PixelsWrittenAsTextAreUnpackedAndTheSame) {
  Put("data_batch_1", Batch(Array(1, 3072, std::string(3072, 'x'), true), {3}));
  const auto set = ReadCifar10(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(PixelsOf(*set, set->train[0]), std::string(3072, 'x'));
  EXPECT_EQ(PixelsOf(*set, set->train[1]), std::string(3072, '2'));
}

TEST_F(CifarPythonTest, APickleOfSomethingElseIsRefusedByFileAndKey) {
  Put("data_batch_2", Batch(OneImage('2'), {2}, "fine_labels"));
  const absl::Status status = Refusal();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("data_batch_2"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("a pickle without \"labels\""));
  Put("data_batch_2", "(dS'labels'\n(lI1\nas.");
  EXPECT_THAT(std::string(Refusal().message()), HasSubstr("a pickle without \"data\""));
}

TEST_F(CifarPythonTest, PixelsOfAnotherShapeOrTypeAreRefused) {
  for (const std::string& array :
       {Array(1, 3071, std::string(3071, 'x')), Array(2, 3072, std::string(6144, 'x')),
        Array(1, 3072, std::string(3072, 'x'), false, "i1")}) {
    Put("data_batch_1", Batch(array, {1}));
    const absl::Status status = Refusal();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("expected u1 [1, 3072]"));
  }
  Put("data_batch_1", Batch(Array(1, 3072, std::string(100, 'x')), {1}));
  EXPECT_FALSE(Refusal().ok());
}

TEST_F(CifarPythonTest, AnotherNumberOfClassesIsRefused) {
  Put("batches.meta", Meta(9));
  EXPECT_THAT(std::string(Refusal().message()),
              HasSubstr("batches.meta: 9 names of classes; 10 were expected"));
}

TEST_F(CifarPythonTest, AMissingBatchIsToldWithOneThatIsThere) {
  std::filesystem::remove(folder_.path() + "/cifar-10-batches-py/data_batch_4");
  const absl::Status status = Refusal();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("data_batch_4 is not there, but"));
}

}  // namespace
}  // namespace tributary
