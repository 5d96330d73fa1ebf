// What came out of a preparation, as numbers and as a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "preparation/datasets/sample_set.h"
#include "preparation/dealing/partition.h"

namespace tributary {

// {dataset, modality, samples, test_samples, classes, class_names, clients[]: {id, samples,
// class_counts, owners}, test_class_counts, divergence: {least, mean, most}, text_words: {least,
// mean, most}, skipped, skipped_by_reason, notes[], digest}. Notes are sentences that a person
// should read: the set's own, and what makes shards hard to train or to test with. Divergence only
// with classes, text_words only with texts. `train`: client -> its samples of set.train; `test`: of
// set.test. `files`: digest by shard file.
nlohmann::json MakePrepareReport(const std::string& dataset, const SampleSet& set,
                                 const Partition& train, const std::vector<int64_t>& test,
                                 const nlohmann::json& files);

// The report for a person: samples, histogram by client, divergence, what was left out and why.
// Classes that are too many for columns are drawn as a line of bars.
std::string PrepareTable(const nlohmann::json& report);

}  // namespace tributary
