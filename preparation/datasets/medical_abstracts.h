// medical-abstracts: abstracts of patients' conditions, 11,550 + 2,888 texts in 5 classes (Schopf,
// Braun and Matthes, "Evaluating Unsupervised Text Classification", NLPIR 2022).
//
// medical_tc_train.csv and medical_tc_test.csv (condition_label, medical_abstract) and, if it is
// there, medical_tc_labels.csv (condition_label, condition_name).
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

absl::StatusOr<SampleSet> ReadMedicalAbstracts(const DatasetSource& source);

}  // namespace tributary
