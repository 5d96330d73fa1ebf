// MethodCard: what the rest of the system knows of a method: its word in run files, the keys that
// it presets, its own section if it has one, and what it asks of the rest of the file.
//
// Each method has a folder server/method/<name>/ with its card; server/method/method_table.h lists
// them all. Nothing outside these folders names a method.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/run_config.h"
#include "common/config/section.h"
#include "common/config/settings_group.h"

namespace tributary {

// A set of pairs that the coordinator and its clients hold alike, and that a method works on.
struct PublicSetConfig {
  std::string key;           // of the run file, that names the folder; for messages
  std::string samples_key;   // that says how many samples count
  std::string folder;        // with the set's train.shard
  int64_t samples = 0;       // of the set that count: its first
  bool pair_clients = true;  // whether pair clients work on it too
};

struct MethodCard {
  std::string word;  // in run files: method = "<word>"

  // The method's row in docs/run-file.md; Markdown.
  std::string shares;  // what is shared, and with whom
  std::string adds;    // to local training
  std::string costs;   // beside FedAvg

  // Sets the keys that the word stands for. A run file's own keys are read afterwards and win.
  std::function<void(RunConfig*)> preset = nullptr;
  // The method's own section: read and checked in every run file, part of the fingerprint and of
  // the messages to clients in runs of this method alone.
  std::optional<SettingsGroup> own = std::nullopt;
  // Reports what a run of this method needs of the rest of the file; `root` is its top.
  std::function<void(const RunConfig&, Section* root)> check = nullptr;
  // The public set of a run of this method.
  std::function<PublicSetConfig(const RunConfig&)> public_set = nullptr;
};

// The methods that a run file may name.
struct MethodTable {
  std::vector<const MethodCard*> cards;    // in the order in which messages list them
  const MethodCard* by_default = nullptr;  // one of them
};

// The card with `word`; null if there is none.
const MethodCard* FindMethod(const MethodTable& methods, absl::string_view word);

// The public set that the run's method works on; nothing if it needs none.
std::optional<PublicSetConfig> PublicSetOf(const RunConfig& config);

}  // namespace tributary
