// Prints the metrics of given scores as the run's result gives them, for a test that compares them
// with scikit-learn's:
//
//   score_metrics [--parts N] < INPUT
//
// INPUT: the number of classes, then for each sample its label and its logits, all separated by
// white space. With --parts, the samples are counted in N parts, in turn, and the counts added, as
// those of N clients are.
//
// Exit codes: 0 done, 1 no such input (the reason on stderr), 2 wrong use.
#include <cstdint>
#include <iostream>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/train/score_counter.h"
#include "server/evaluation/task_metrics.h"

namespace tributary {
namespace {

struct Part {
  std::vector<float> logits;
  std::vector<int64_t> labels;
};

absl::StatusOr<TaskCounts> CountInput(std::istream& input, size_t parts) {
  int64_t classes = 0, label = 0;
  if (!(input >> classes) || classes < 1) {
    return absl::InvalidArgumentError("expected the number of classes");
  }
  std::vector<Part> all(parts);
  for (size_t sample = 0; input >> label; ++sample) {
    if (label < 0 || label >= classes) {
      return absl::InvalidArgumentError(absl::StrCat("label ", label, " of sample ", sample));
    }
    Part& part = all[sample % parts];
    part.labels.push_back(label);
    for (int64_t c = 0; c < classes; ++c) {
      if (!(input >> part.logits.emplace_back())) {
        return absl::InvalidArgumentError(absl::StrCat("sample ", sample, " has too few logits"));
      }
    }
  }
  std::vector<TaskCounts> counts;
  for (const Part& part : all) {
    ScoreCounter counter(classes);
    counter.Add(part.logits, part.labels);
    counts.push_back({.samples = static_cast<int64_t>(part.labels.size()),
                      .classification = std::move(counter).Finish()});
    RETURN_IF_ERROR(CheckCounts(counts.back(), classes));
  }
  return SumCounts(counts);
}

int Main(int argc, char** argv) {
  CLI::App app("Prints the metrics of given scores");
  size_t parts = 1;
  app.add_option("--parts", parts)->check(CLI::PositiveNumber);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto counts = CountInput(std::cin, parts);
  if (!counts.ok() || counts->samples == 0) {
    std::cerr << (counts.ok() ? "no samples" : counts.status().ToString()) << "\n";
    return 1;
  }
  std::cout << ToJson(MetricsOf(*counts)) << "\n";
  return 0;
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) { return tributary::Main(argc, argv); }
