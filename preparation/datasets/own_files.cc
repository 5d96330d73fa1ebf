#include "preparation/datasets/own_files.h"

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
#include "preparation/datasets/captioned_images.h"
#include "preparation/datasets/image_finder.h"
#include "preparation/datasets/own_columns.h"
#include "preparation/datasets/own_labels.h"
#include "preparation/datasets/own_rows.h"
#include "preparation/datasets/own_tables.h"

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
  // All must outlive this.
  OwnReader(const DatasetSource& source, const std::string& format, OwnTables* tables,
            SampleSet* set)
      : source_(source), tables_(tables), set_(set), draws_(source.seed, format + ".test") {}

  // `fixed`: the part of all rows; else their split column's, else drawn.
  absl::Status Read(const LocatedFile& file, std::optional<Part> fixed);
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

  absl::Status OpenImages();
  absl::Status AddRow(DelimitedRecord row, Table* table);
  // Empty if text, label and owner of `row` became `sample`, else why not.
  std::string ReadFields(std::vector<std::string>* fields, const OwnColumns& columns,
                         Sample* sample);
  absl::StatusOr<int64_t> FindImage(const std::string& name);
  // Nothing if the split column has no part's name.
  std::optional<Part> PartOf(const DelimitedRecord& row, const Table& table, const Sample& sample);
  Part Draw(int64_t image);
  std::vector<Sample>* SamplesOf(Part part);

  const DatasetSource& source_;
  OwnTables* const tables_;
  SampleSet* const set_;
  RandomStream draws_;
  std::string folder_;  // of images, absolute
  std::unique_ptr<ImageFinder> finder_;
  std::vector<Sample> validation_;
  std::vector<std::optional<Part>> drawn_;  // by image
  OwnLabels labels_;
};

absl::Status OwnReader::OpenImages() {
  if (finder_ != nullptr) return absl::OkStatus();
  if (!tables_->files) {
    ASSIGN_OR_RETURN(tables_->files, DatasetFiles::Open(tables_->folder, source_.scratch));
  }
  folder_ = std::filesystem::absolute(tables_->folder).lexically_normal().string();
  finder_ = std::make_unique<ImageFinder>(&*tables_->files, set_);
  // A row means the file that it names: old/images/1.png is no substitute for images/1.png.
  finder_->KeepToOnePlace();
  const LocatedFile& table = tables_->train;
  const std::string& name = table.tree->names()[table.file];
  const size_t slash = name.rfind('/');
  finder_->LookIn(table.tree, slash == std::string::npos ? "" : name.substr(0, slash + 1));
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
  sample->label = labels_.NumberOf(label);
  return "";
}

Part OwnReader::Draw(int64_t image) {
  // A text is drawn by its row. An image is drawn once, when its first row comes, so that none is
  // both trained on and tested with.
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
  // The same row twice is one sample: copied tables often hold each row again.
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

absl::Status OwnReader::Read(const LocatedFile& file, std::optional<Part> fixed) {
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
  if (set_->modality != Modality::kText) RETURN_IF_ERROR(OpenImages());
  for (DelimitedRecord row; rows->Next(&row);) {
    RETURN_IF_ERROR(AddRow(std::move(row), &table));
    // Checked for each row: a label column of file names would fill the memory first.
    if (labels_.size() <= kMostClasses) continue;
    return absl::InvalidArgumentError(absl::StrCat(table.path, ": over ", kMostClasses,
                                                   " labels; is its label column one of classes?"));
  }
  return absl::OkStatus();
}

absl::Status OwnReader::Finish() {
  if (set_->test.empty()) set_->test = std::move(validation_);
  return set_->modality == Modality::kPair ? absl::OkStatus() : labels_.NameClasses(source_.classes, set_);
}

absl::StatusOr<SampleSet> ReadOwn(const DatasetSource& source, const std::string& format,
                                  const std::vector<std::string>& extensions) {
  ASSIGN_OR_RETURN(OwnTables tables, FindOwnTables(source.root, source.scratch, extensions));
  SampleSet set;
  OwnReader reader(source, format, &tables, &set);
  const auto part = tables.test ? std::optional(Part::kTrain) : std::nullopt;
  RETURN_IF_ERROR(reader.Read(tables.train, part));
  if (tables.test) RETURN_IF_ERROR(reader.Read(*tables.test, Part::kTest));
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
