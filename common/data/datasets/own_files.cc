#include "common/data/datasets/own_files.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/data/datasets/captioned_images.h"
#include "common/data/datasets/image_finder.h"
#include "common/data/datasets/own_columns.h"
#include "common/data/datasets/own_rows.h"
#include "common/data/datasets/own_tables.h"

namespace tributary {
namespace {

// More distinct labels than this are no classes.
constexpr size_t kMostClasses = 100'000;

enum class Part { kTrain, kTest, kValidation };

std::optional<Part> PartNamed(absl::string_view split) {
  const std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(split));
  if (name == "train" || name == "training" || name == "restval") return Part::kTrain;
  if (name == "test" || name == "testing") return Part::kTest;
  if (name == "val" || name == "valid" || name == "validation" || name == "dev") {
    return Part::kValidation;
  }
  return std::nullopt;
}

// Of a row's fields; odds of two rows alike by chance: 1 in 10^7 for a million rows.
uint64_t HashOf(const std::vector<std::string>& fields) {
  std::string joined;
  for (const std::string& field : fields) absl::StrAppend(&joined, field.size(), ":", field);
  return Checksum(joined);
}

// Reads one or two tables into a set; labels are numbered as they come until Finish().
class OwnReader {
 public:
  OwnReader(const DatasetSource& source, const std::string& format, SampleSet* set)
      : source_(source), set_(set), draws_(source.seed, format + ".test") {}

  // `fixed`: the part of all rows; else their split column's, else drawn.
  absl::Status Read(const LocatedFile& file, const std::string& folder, std::optional<Part> fixed);
  // Names the classes, and settles what tests.
  absl::Status Finish();

 private:
  struct Table {
    std::string path;
    int32_t origin = 0;
    OwnColumns columns{};
    std::optional<Part> fixed{};
    absl::flat_hash_map<uint64_t, int64_t> lines{};  // by a row's hash
  };

  absl::Status OpenImages(const LocatedFile& file, const std::string& folder);
  absl::Status AddRow(DelimitedRecord row, Table* table);
  // Empty if text, label and owner of `row` became `sample`, else why not.
  std::string ReadFields(std::vector<std::string>* fields, const OwnColumns& columns,
                         Sample* sample);
  absl::StatusOr<int64_t> FindImage(const std::string& name);
  // Nothing if the split column has no part's name.
  std::optional<Part> PartOf(const DelimitedRecord& row, const Table& table, const Sample& sample);
  Part Draw(int64_t image);
  std::vector<Sample>* SamplesOf(Part part);
  // Numbers the labels of `samples` by set_->classes; lists those that are not among them.
  absl::Status Relabel(std::vector<Sample>* samples);

  const DatasetSource& source_;
  SampleSet* const set_;
  RandomStream draws_;
  std::string folder_;  // of images, absolute
  std::unique_ptr<DatasetFiles> files_;
  std::unique_ptr<ImageFinder> finder_;
  std::vector<Sample> validation_;
  std::vector<std::optional<Part>> drawn_;  // by image
  std::vector<std::string> labels_;
  absl::flat_hash_map<std::string, int32_t> label_numbers_;
};

absl::Status OwnReader::OpenImages(const LocatedFile& file, const std::string& folder) {
  if (finder_ != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(folder, source_.scratch));
  folder_ = std::filesystem::absolute(folder).lexically_normal().string();
  files_ = std::make_unique<DatasetFiles>(std::move(files));
  finder_ = std::make_unique<ImageFinder>(files_.get(), set_);
  finder_->KeepToOnePlace();
  const std::string& name = file.tree->names()[file.file];
  const size_t slash = name.rfind('/');
  finder_->LookIn(file.tree, slash == std::string::npos ? "" : name.substr(0, slash + 1));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> OwnReader::FindImage(const std::string& name) {
  if (!absl::StartsWith(name, "/")) return finder_->Find(name);
  return finder_->Find(std::filesystem::path(name).lexically_relative(folder_).string());
}

std::string OwnReader::ReadFields(std::vector<std::string>* fields, const OwnColumns& columns,
                                  Sample* sample) {
  const auto take = [&](const std::optional<size_t>& column) {
    return column ? std::string(absl::StripAsciiWhitespace((*fields)[*column])) : "";
  };
  sample->owner = take(columns.owner);
  if (set_->modality != Modality::kImage) {
    sample->text = take(columns.text);
    if (sample->text.empty())
      return set_->modality == Modality::kPair ? "empty caption" : "empty text";
  }
  if (set_->modality == Modality::kPair) return "";
  const std::string label = take(columns.label);
  if (label.empty()) return "empty label";
  const auto [entry, is_new] =
      label_numbers_.try_emplace(label, static_cast<int32_t>(labels_.size()));
  if (is_new) labels_.push_back(label);
  sample->label = entry->second;
  return "";
}

Part OwnReader::Draw(int64_t image) {
  if (image < 0) return draws_.Uniform() < source_.test_share ? Part::kTest : Part::kTrain;
  drawn_.resize(set_->images.size());
  std::optional<Part>& drawn = drawn_[static_cast<size_t>(image)];
  if (!drawn) drawn = Draw(-1);
  return *drawn;
}

std::optional<Part> OwnReader::PartOf(const DelimitedRecord& row, const Table& table,
                                      const Sample& sample) {
  if (table.fixed) return table.fixed;
  if (table.columns.split) return PartNamed(row.fields[*table.columns.split]);
  return Draw(sample.image);
}

std::vector<Sample>* OwnReader::SamplesOf(Part part) {
  if (part == Part::kValidation) return &validation_;
  return part == Part::kTest ? &set_->test : &set_->train;
}

absl::Status OwnReader::AddRow(DelimitedRecord row, Table* table) {
  const auto leave = [&](std::string reason) {
    return Skip(set_, table->path, row.line, std::move(reason));
  };
  if (!row.broken.empty()) return leave(std::move(row.broken));
  const auto [same, is_new] = table->lines.try_emplace(HashOf(row.fields), row.line);
  if (!is_new) return leave(absl::StrCat("the same as line ", same->second));
  Sample sample;
  sample.origin = table->origin;
  sample.line = row.line;
  if (std::string why = ReadFields(&row.fields, table->columns, &sample); !why.empty()) {
    return leave(std::move(why));
  }
  if (set_->modality != Modality::kText) {
    const absl::StatusOr<int64_t> image = FindImage(row.fields[*table->columns.path]);
    if (!image.ok()) return SkipMissing(set_, table->path, row.line, image.status());
    sample.image = *image;
  }
  const std::optional<Part> part = PartOf(row, *table, sample);
  if (!part) {
    return leave(absl::StrCat("split \"", row.fields[*table->columns.split].substr(0, 50),
                              "\"; expected train, val or test"));
  }
  SamplesOf(*part)->push_back(std::move(sample));
  return absl::OkStatus();
}

absl::Status OwnReader::Read(const LocatedFile& file, const std::string& folder,
                             std::optional<Part> fixed) {
  Table table = {.path = file.tree->Describe(file.file), .fixed = fixed};
  table.origin = AddOrigin(set_, table.path);
  ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*file.tree, file.file, set_));
  ASSIGN_OR_RETURN(const std::unique_ptr<OwnRows> rows, OwnRows::Open(text, table.path));
  absl::StatusOr<OwnColumns> columns = ChooseColumns(rows->columns(), source_.columns);
  if (!columns.ok()) return Annotate(columns.status(), table.path);
  table.columns = *columns;
  if (set_->origins.size() > 1 && columns->modality != set_->modality) {
    return absl::InvalidArgumentError(
        absl::StrCat(table.path, ": its columns make it ", ModalityName(columns->modality),
                     ", those of ", set_->origins[0], " ", ModalityName(set_->modality)));
  }
  set_->modality = columns->modality;
  if (set_->modality != Modality::kText) RETURN_IF_ERROR(OpenImages(file, folder));
  for (DelimitedRecord row; rows->Next(&row);) {
    RETURN_IF_ERROR(AddRow(std::move(row), &table));
    if (labels_.size() <= kMostClasses) continue;
    return absl::InvalidArgumentError(absl::StrCat(table.path, ": over ", kMostClasses,
                                                   " labels; is its label column one of classes?"));
  }
  return absl::OkStatus();
}

absl::Status OwnReader::Relabel(std::vector<Sample>* samples) {
  absl::flat_hash_map<std::string, int32_t> numbers;
  for (size_t i = 0; i < set_->classes.size(); ++i) {
    numbers[set_->classes[i]] = static_cast<int32_t>(i);
  }
  std::vector<Sample> kept;
  for (Sample& sample : *samples) {
    const std::string& label = labels_[static_cast<size_t>(sample.label)];
    const auto found = numbers.find(label);
    if (found == numbers.end()) {
      RETURN_IF_ERROR(Skip(set_, set_->origins[static_cast<size_t>(sample.origin)], sample.line,
                           absl::StrCat("no training sample has its label \"", label, "\"")));
      continue;
    }
    sample.label = found->second;
    kept.push_back(std::move(sample));
  }
  *samples = std::move(kept);
  return absl::OkStatus();
}

absl::Status OwnReader::Finish() {
  if (set_->test.empty()) set_->test = std::move(validation_);
  if (set_->modality == Modality::kPair) return absl::OkStatus();
  std::vector<bool> trained(labels_.size());
  for (const Sample& sample : set_->train) trained[static_cast<size_t>(sample.label)] = true;
  std::vector<std::string> classes;
  for (size_t i = 0; i < labels_.size(); ++i) {
    if (trained[i]) classes.push_back(labels_[i]);
  }
  set_->classes = SortedClasses(std::move(classes));
  RETURN_IF_ERROR(Relabel(&set_->train));
  return Relabel(&set_->test);
}

absl::StatusOr<SampleSet> ReadOwn(const DatasetSource& source, const std::string& format,
                                  const std::vector<std::string>& extensions) {
  ASSIGN_OR_RETURN(const OwnTables tables, FindOwnTables(source.root, source.scratch, extensions));
  SampleSet set;
  OwnReader reader(source, format, &set);
  const auto part = tables.test ? std::optional(Part::kTrain) : std::nullopt;
  RETURN_IF_ERROR(reader.Read(tables.train, tables.folder, part));
  if (tables.test) RETURN_IF_ERROR(reader.Read(*tables.test, tables.folder, Part::kTest));
  RETURN_IF_ERROR(reader.Finish());
  return set;
}

}  // namespace

absl::StatusOr<SampleSet> ReadOwnCsv(const DatasetSource& source) {
  return ReadOwn(source, "csv", {".csv", ".tsv"});
}

absl::StatusOr<SampleSet> ReadOwnJsonLines(const DatasetSource& source) {
  return ReadOwn(source, "jsonl", {".jsonl", ".ndjson"});
}

}  // namespace tributary
