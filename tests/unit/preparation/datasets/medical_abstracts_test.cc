#include "preparation/datasets/medical_abstracts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MedicalAbstractsTest : public ::testing::Test {
 protected:
  MedicalAbstractsTest() {
    folder_.Put(
        "medical_tc_train.csv",
        "condition_label,medical_abstract\n5, Tissue changes. \n1,\"Growth, benign\"\n3,\n");
    folder_.Put("medical_tc_test.csv", "condition_label,medical_abstract\n4,Heart\n");
  }

  const DatasetFolder folder_{};
};

TEST_F(MedicalAbstractsTest, AbstractsAreReadByTheirCondition) {
  const auto set = ReadMedicalAbstracts(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(
      LabelledTextsOf(*set, set->train),
      ElementsAre("General pathological conditions: Tissue changes.", "Neoplasms: Growth, benign"));
  EXPECT_THAT(LabelledTextsOf(*set, set->test), ElementsAre("Cardiovascular diseases: Heart"));
  EXPECT_THAT(folder_.SkippedIn(*set), ElementsAre("medical_tc_train.csv:4: empty text"));
}

TEST_F(MedicalAbstractsTest, TheFileOfLabelsNamesTheClassesInAnyOrder) {
  folder_.Put("medical_tc_labels.csv", "condition_label,condition_name\n5,e\n1, a \n2,b\n");
  const auto set = ReadMedicalAbstracts(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->classes,
              ElementsAre("a", "b", "Nervous system diseases", "Cardiovascular diseases", "e"));
}

TEST_F(MedicalAbstractsTest, ALabelThatIsNoneOfTheFiveIsRefusedWithItsLine) {
  for (const char* row : {"6,f", "0,z", "one,a", "1,a,b"}) {
    folder_.Put("medical_tc_labels.csv",
                std::string("condition_label,condition_name\n") + row + "\n");
    const absl::Status status = ReadMedicalAbstracts(folder_.Source()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << row;
    EXPECT_THAT(std::string(status.message()), HasSubstr("medical_tc_labels.csv, line 2: ")) << row;
  }
}

}  // namespace
}  // namespace tributary
