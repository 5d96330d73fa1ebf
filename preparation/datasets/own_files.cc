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
#include "preparation/datasets/own_encoding.h"
#include "preparation/datasets/own_labels.h"
#include "preparation/datasets/own_rows.h"
#include "preparation/datasets/own_tables.h"
#include "preparation/files/text_encoding.h"

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
    std::vector<std::string> names{};  // of all columns
    std::optional<Part> fixed{};
    absl::flat_hash_map<uint64_t, int64_t> lines{};  // by a row's hash
  };

  // For names relative to the folder of `table`: the same name beside another is another image.
  absl::Status OpenImages(const LocatedFile& table);
  absl::Status AddRow(OwnRow row, Table* table);
  // A sample of `row`, whose text column holds one text.
  absl::Status AddSample(const OwnRow& row, Table* table);
  // Empty if text, label and owner of `row` became `sample`, else why not.
  std::string ReadFields(const std::vector<std::string>& fields, const OwnColumns& columns,
                         Sample* sample);
  // By the name as it is written, else without the spaces around it.
  absl::StatusOr<int64_t> FindImage(const std::string& name);
  absl::StatusOr<int64_t> FindExactly(const std::string& name);
  // Of the row's split column, else drawn. NotFound, with the reason, if it is in no part.
  absl::StatusOr<Part> PartOf(const OwnRow& row, const Table& table, const Sample& sample);
  Part Draw(int64_t image);
  std::vector<Sample>* SamplesOf(Part part);

  const DatasetSource& source_;
  OwnTables* const tables_;
  SampleSet* const set_;
  RandomStream draws_;
  std::string folder_;  // of images, absolute
  std::string beside_;  // the folder of the table that finder_ looks beside
  std::unique_ptr<ImageFinder> finder_;
  std::vector<Sample> validation_;
  std::vector<std::optional<Part>> drawn_;  // by image
  OwnLabels labels_;
  EncodingLosses losses_;
};

absl::Status OwnReader::OpenImages(const LocatedFile& table) {
  const std::string& name = table.tree->names()[table.file];
  const size_t slash = name.rfind('/');
  const std::string beside = slash == std::string::npos ? "" : name.substr(0, slash + 1);
  // Tables in one folder share their images.
  if (finder_ != nullptr && beside == beside_) return absl::OkStatus();
  beside_ = beside;
  if (!tables_->files) {
    ASSIGN_OR_RETURN(tables_->files, DatasetFiles::Open(tables_->folder, source_.scratch));
  }
  folder_ = std::filesystem::absolute(tables_->folder).lexically_normal().string();
  finder_ = std::make_unique<ImageFinder>(&*tables_->files, set_);
  // A row means the file that it names: old/images/1.png is no substitute for images/1.png.
  finder_->KeepToOnePlace();
  finder_->LookIn(table.tree, beside);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> OwnReader::FindImage(const std::string& name) {
  const std::string trimmed(absl::StripAsciiWhitespace(name));
  if (trimmed.empty()) return absl::NotFoundError("empty path");
  absl::StatusOr<int64_t> found = FindExactly(name);
  return absl::IsNotFound(found.status()) && trimmed != name ? FindExactly(trimmed) : found;
}

absl::StatusOr<int64_t> OwnReader::FindExactly(const std::string& name) {
  if (!absl::StartsWith(name, "/")) return finder_->Find(name);
  return finder_->Find(std::filesystem::path(name).lexically_relative(folder_).string());
}

std::string OwnReader::ReadFields(const std::vector<std::string>& fields, const OwnColumns& columns,
                                  Sample* sample) {
  const auto take = [&](const std::optional<size_t>& column) {
    return column ? std::string(absl::StripAsciiWhitespace(fields[*column])) : "";
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

absl::StatusOr<Part> OwnReader::PartOf(const OwnRow& row, const Table& table,
                                       const Sample& sample) {
  const std::string split = table.columns.split ? row.fields[*table.columns.split] : "";
  const std::optional<Part> named = PartNamed(split);
  if (table.fixed) {
    // A row of the training table that says it tests must not be trained on.
    if (!named || (*named == Part::kTrain) == (*table.fixed == Part::kTrain)) return *table.fixed;
    return absl::NotFoundError(absl::StrCat("split \"", split.substr(0, 50), "\" in the table of ",
                                            *table.fixed == Part::kTrain ? "training" : "test",
                                            " samples"));
  }
  if (!table.columns.split) return Draw(sample.image);
  if (named) return *named;
  return absl::NotFoundError(
      absl::StrCat("split \"", split.substr(0, 50), "\"; expected train, val or test"));
}

std::vector<Sample>* OwnReader::SamplesOf(Part part) {
  if (part == Part::kValidation) return &validation_;
  return part == Part::kTest ? &set_->test : &set_->train;
}

absl::Status OwnReader::AddRow(OwnRow row, Table* table) {
  const OwnColumns& columns = table->columns;
  const auto leave = [&](std::string reason) {
    return Skip(set_, table->path, row.line, std::move(reason));
  };
  if (row.undecodable) {
    const bool classes = set_->modality != Modality::kPair;
    losses_.Note(classes ? Composed(absl::StripAsciiWhitespace(row.fields[*columns.label])) : "");
  }
  if (!row.broken.empty()) return leave(std::move(row.broken));
  // The same row twice is one sample: copied tables often hold each row again.
  const auto [same, is_new] = table->lines.try_emplace(HashOf(row.fields), row.line);
  if (!is_new) return leave(absl::StrCat("the same as line ", same->second));
  std::vector<std::string> captions;
  for (const auto& column :
       {columns.path, columns.text, columns.label, columns.owner, columns.split}) {
    if (!column) continue;
    if (const auto wrong = row.unusable.find(*column); wrong != row.unusable.end()) {
      return leave(wrong->second);
    }
    const auto list = row.lists.find(*column);
    if (list == row.lists.end()) continue;
    if (column != columns.text || set_->modality != Modality::kPair) {
      return leave(
          absl::StrCat("\"", table->names[*column], "\" is an array; expected a text or a number"));
    }
    if (list->second.empty()) return leave("empty caption");
    captions = list->second;
  }
  if (captions.empty()) return AddSample(row, table);
  for (std::string& caption : captions) {
    row.fields[*columns.text] = std::move(caption);
    RETURN_IF_ERROR(AddSample(row, table));
  }
  return absl::OkStatus();
}

absl::Status OwnReader::AddSample(const OwnRow& row, Table* table) {
  Sample sample;
  sample.origin = table->origin;
  sample.line = row.line;
  if (std::string why = ReadFields(row.fields, table->columns, &sample); !why.empty()) {
    return Skip(set_, table->path, row.line, std::move(why));
  }
  if (set_->modality != Modality::kText) {
    const absl::StatusOr<int64_t> image = FindImage(row.fields[*table->columns.path]);
    if (!image.ok()) return SkipMissing(set_, table->path, row.line, image.status());
    sample.image = *image;
  }
  const absl::StatusOr<Part> part = PartOf(row, *table, sample);
  if (!part.ok()) return SkipMissing(set_, table->path, row.line, part.status());
  SamplesOf(*part)->push_back(std::move(sample));
  return absl::OkStatus();
}

absl::Status OwnReader::Read(const LocatedFile& file, std::optional<Part> fixed) {
  Table table = {.path = file.tree->Describe(file.file), .fixed = fixed};
  table.origin = AddOrigin(set_, table.path);
  ASSIGN_OR_RETURN(std::string bytes, ReadSourceFile(*file.tree, file.file, set_));
  ASSIGN_OR_RETURN(const std::string text,
                   DecodeTable(std::move(bytes), source_.encoding, table.path));
  ASSIGN_OR_RETURN(const std::unique_ptr<OwnRows> rows, OwnRows::Open(text, table.path));
  absl::StatusOr<OwnColumns> columns = ChooseColumns(rows->columns(), source_.columns);
  if (!columns.ok()) return Annotate(columns.status(), table.path);
  table.columns = *columns;
  table.names = rows->columns();
  if (set_->origins.size() > 1 && columns->modality != set_->modality) {
    return absl::InvalidArgumentError(
        absl::StrCat(table.path, ": its columns make it ", ModalityName(columns->modality),
                     ", those of ", set_->origins[0], " ", ModalityName(set_->modality)));
  }
  set_->modality = columns->modality;
  if (set_->modality != Modality::kText) RETURN_IF_ERROR(OpenImages(file));
  for (OwnRow row; rows->Next(&row);) {
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
  if (set_->modality != Modality::kPair)
    RETURN_IF_ERROR(labels_.NameClasses(source_.classes, set_));
  return losses_.Report(set_);
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
