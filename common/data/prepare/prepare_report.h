// What came out of a preparation, as numbers and as a table.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/data/partition.h"
#include "common/data/sample_set.h"

namespace tributary {

// See Prepare() for the fields. `files`: digest by shard file.
nlohmann::json MakePrepareReport(const std::string& dataset, const SampleSet& set,
                                 const std::vector<Sample>& train, const std::vector<Sample>& test,
                                 const Partition& partition, const nlohmann::json& files);

}  // namespace tributary
