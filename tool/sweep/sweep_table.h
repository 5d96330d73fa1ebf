// The results of a sweep: mean and standard deviation of each figure for each row.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tool/sweep/sweep_file.h"

namespace tributary {

// The spread of one figure over the seeds of a row.
struct Spread {
  int count = 0;
  double mean = 0;
  double deviation = 0;  // of a sample: divided by count - 1; 0 for fewer than two
};

Spread SpreadOf(const std::vector<double>& values);

// {rows: [{name, set, seeds, <figure>: {count, mean, deviation, values}}]}. Figures: `TASK.r1_sum`
// or `TASK.accuracy` of each task, `bytes_up`, `bytes_down`, `seconds`. `results`: result.json by
// the folder of its run; runs without one are left out.
nlohmann::json SweepSummary(const Sweep& sweep,
                            const std::vector<std::pair<std::string, nlohmann::json>>& results);

// The same as a table for a person, figures as mean +- deviation.
std::string SweepTable(const nlohmann::json& summary);

}  // namespace tributary
