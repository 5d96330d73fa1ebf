#include "tool/central/central_config.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/method_card.h"
#include "server/method/method_table.h"

namespace tributary {
namespace {

// A word that results and folders go by. No federation can run it: Methods() lacks it.
const MethodCard& CentralCard() {
  static const auto* const kCard = new MethodCard{.word = "central",
                                                  .shares = "nothing: all data are in one place",
                                                  .adds = "nothing",
                                                  .costs = "-"};
  return *kCard;
}

// With the federation's methods, so that their sections of the file are read and checked as ever.
const MethodTable& CentralMethods() {
  static const auto* const kTable = [] {
    auto* const table = new MethodTable(Methods());
    table->cards.push_back(&CentralCard());
    table->by_default = &CentralCard();
    return table;
  }();
  return *kTable;
}

}  // namespace

absl::StatusOr<RunConfig> LoadCentralConfig(const std::string& path,
                                            const std::vector<std::string>& overrides) {
  std::vector<std::string> all = overrides;
  all.push_back(absl::StrCat("method=", CentralCard().word));
  ASSIGN_OR_RETURN(RunConfig config, LoadRunConfig(path, CentralMethods(), all));
  // A method presets these, but a file may set them as well.
  config.local.complementary = ComplementaryLayers::kNone;
  config.local.control_variates = false;
  config.local.contrast.reset();
  config.local.proximal_mu = 0;
  config.evaluation.where = EvaluationPlace::kServer;
  return config;
}

}  // namespace tributary
