#include "common/config/method_card.h"

namespace tributary {

const MethodCard* FindMethod(const MethodTable& methods, absl::string_view word) {
  for (const MethodCard* card : methods.cards) {
    if (card->word == word) return card;
  }
  return nullptr;
}

std::optional<PublicSetConfig> PublicSetOf(const RunConfig& config) {
  if (config.method == nullptr || !config.method->public_set) return std::nullopt;
  return config.method->public_set(config);
}

}  // namespace tributary
