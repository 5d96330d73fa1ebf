#include "server/model_cards.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "server/registry/model_metadata.h"

namespace tributary {

std::map<std::string, FileMetadata> ModelCards(const RunContext& context) {
  std::map<std::string, FileMetadata> cards;
  for (const auto& [name, dataset] : context.datasets) {
    cards[name] = MetadataOf(dataset);
  }
  return cards;
}

absl::Status WriteModelCards(const std::string& folder, const RunContext& context) {
  // Names may be in any encoding: what is not UTF-8 is replaced.
  const std::string text = nlohmann::json(ModelCards(context))
                               .dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  return WriteFileAtomically(absl::StrCat(folder, "/", kModelCards), text + "\n");
}

}  // namespace tributary
