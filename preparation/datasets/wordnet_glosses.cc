#include "preparation/datasets/wordnet_glosses.h"

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/random.h"

namespace tributary {
namespace {

constexpr double kTestShare = 0.02;
constexpr int kFirstNounFile = 3, kLastNounFile = 28;  // lexnames(5WN)

const char* const kClasses[] = {
    "noun.Tops",     "noun.act",        "noun.animal",        "noun.artifact",   "noun.attribute",
    "noun.body",     "noun.cognition",  "noun.communication", "noun.event",      "noun.feeling",
    "noun.food",     "noun.group",      "noun.location",      "noun.motive",     "noun.object",
    "noun.person",   "noun.phenomenon", "noun.plant",         "noun.possession", "noun.process",
    "noun.quantity", "noun.relation",   "noun.shape",         "noun.state",      "noun.substance",
    "noun.time"};

// "00001740 03 n 01 entity 0 003 ... | gloss; "an example"": file number and the gloss without its
// examples.
bool ParseLine(absl::string_view line, Sample* sample) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(line, absl::MaxSplits(" | ", 1));
  const std::vector<absl::string_view> fields =
      absl::StrSplit(halves.first, absl::MaxSplits(' ', 3));
  int file;
  if (fields.size() < 4 || !absl::SimpleAtoi(fields[1], &file)) return false;
  if (file < kFirstNounFile || file > kLastNounFile) return false;
  const absl::string_view gloss = halves.second.substr(0, halves.second.find("; \""));
  sample->text = std::string(absl::StripAsciiWhitespace(gloss));
  sample->label = file - kFirstNounFile;
  return !sample->text.empty();
}

}  // namespace

absl::StatusOr<SampleSet> ReadWordnetGlosses(const DatasetSource& source) {
  const std::string path = absl::StrCat(source.root, "/usr/share/wordnet/data.noun");
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        path, " is not there; fetch it with deploy/fetch-data.sh or install package wordnet-base"));
  }
  SampleSet set;
  set.modality = Modality::kText;
  set.classes = {std::begin(kClasses), std::end(kClasses)};
  set.origins = {path};
  RandomStream stream(source.seed, "wordnet-glosses.test");
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == ' ') continue;  // the licence at the top
    Sample sample;
    sample.origin = 0;
    sample.line = number;
    // Drawn for every line, used or not, so that a line that cannot be used moves no other.
    const bool test = stream.Uniform() < kTestShare;
    if (!ParseLine(line, &sample)) {
      set.skipped.push_back({path, number, "not a noun with a gloss"});
      continue;
    }
    (test ? set.test : set.train).push_back(std::move(sample));
  }
  return set;
}

}  // namespace tributary
