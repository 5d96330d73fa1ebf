#include "preparation/shards/shard_job.h"

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "preparation/shards/ordered_map.h"
#include "preparation/shards/render.h"
#include "preparation/shards/shard_writer.h"

namespace tributary {
namespace {

constexpr size_t kAheadPerThread = 4;
constexpr size_t kImagesPerFlush = 64;

using Rendered = absl::StatusOr<RenderedImage>;

std::string JournalPath(const std::string& path) { return absl::StrCat(path, ".journal"); }

// The images of the rows, each once, in the order of first use.
std::vector<int64_t> ImagesOf(const std::vector<Sample>& samples, absl::Span<const int64_t> rows) {
  std::vector<int64_t> images;
  absl::flat_hash_set<int64_t> known;
  for (const int64_t row : rows) {
    const int64_t image = samples[static_cast<size_t>(row)].image;
    if (image >= 0 && known.insert(image).second) images.push_back(image);
  }
  return images;
}

class Writing {
 public:
  Writing(const ShardJob& job, absl::FunctionRef<void(bool)> on_image)
      : job_(job), on_image_(on_image), images_(ImagesOf(job.samples, job.rows)) {}

  // Journal and shard may disagree after a crash: the shard is the truth, and an outcome counts
  // only if its bytes are found there with the checksum that the journal notes.
  absl::StatusOr<ShardOutcome> Run() {
    outcome_.images = ReadJournal(JournalPath(job_.path), job_.fingerprint, images_.size());
    if (!IsFinished()) RETURN_IF_ERROR(WriteFile());
    for (size_t i = 0; i < images_.size(); ++i) {
      const std::string& reason = outcome_.images[i].skipped;
      if (!reason.empty()) {
        outcome_.skipped.push_back({DescribeImage(job_.set, images_[i]), 0, reason});
      }
    }
    outcome_.rows = KeptRows(nullptr);
    ASSIGN_OR_RETURN(const auto shard, Shard::Open(job_.path));
    outcome_.digest = shard->digest();
    return std::move(outcome_);
  }

 private:
  // An earlier run came to the end of this shard.
  bool IsFinished() {
    // Without images nothing tells whose shard it is; it is quickly made again.
    if (images_.empty() || outcome_.images.size() < images_.size()) return false;
    // A part would mean that the shard in place is older than the journal.
    std::error_code error;
    if (std::filesystem::exists(job_.path + ".part", error)) return false;
    // Nobody waited for the disk yet: after a power failure the shard may hold anything.
    const auto shard = Shard::Open(job_.path);
    if (!shard.ok() || !(*shard)->Verify().ok()) return false;
    for (size_t i = 0; i < images_.size(); ++i) on_image_(true);
    return true;
  }

  absl::Status WriteFile() {
    ShardWriter writer(job_.path, job_.info);
    Resume(&writer);
    Journal journal(JournalPath(job_.path), job_.fingerprint, outcome_.images);
    const size_t begin = outcome_.images.size();
    const auto render = [this](size_t i) -> Rendered {
      return RenderImage(job_.set, images_[i], job_.info.storage, job_.info.image_size,
                         job_.decoding);
    };
    const auto take = [&](size_t i, Rendered rendered) -> absl::Status {
      RETURN_IF_ERROR(Take(std::move(rendered), images_[i], &writer));
      journal.Append(outcome_.images.back());
      on_image_(false);
      // What a crash may cost: the images since the last flush are decoded again.
      if ((i + 1) % kImagesPerFlush != 0) return absl::OkStatus();
      return journal.Flush();
    };
    const auto window = kAheadPerThread * static_cast<size_t>(std::max(job_.threads, 1));
    RETURN_IF_ERROR(
        MapInOrder<Rendered>(job_.threads, begin, images_.size(), window, render, take));
    RETURN_IF_ERROR(journal.Flush());
    KeptRows(&writer);
    return writer.Finish();
  }

  // Takes over what an interrupted run left, and forgets outcomes of what did not get to the disk.
  void Resume(ShardWriter* writer) {
    std::vector<uint64_t> sizes;
    std::vector<size_t> places;  // in outcome_.images
    for (size_t i = 0; i < outcome_.images.size(); ++i) {
      if (!outcome_.images[i].skipped.empty()) continue;
      sizes.push_back(outcome_.images[i].bytes);
      places.push_back(i);
    }
    const size_t taken = writer->Resume(sizes, [&](size_t i, absl::Span<const uint8_t> bytes) {
      return Checksum(bytes.data(), bytes.size()) == outcome_.images[places[i]].content;
    });
    // Skipped images behind the last that was taken are forgotten as well; they are skipped again.
    if (taken < places.size()) outcome_.images.resize(places[taken]);
    for (size_t i = 0; i < outcome_.images.size(); ++i) on_image_(true);
  }

  absl::Status Take(Rendered rendered, int64_t image, ShardWriter* writer) {
    ImageOutcome outcome;
    if (rendered.ok()) {
      outcome.bytes = rendered->stored.size();
      outcome.content = Checksum(rendered->stored.data(), rendered->stored.size());
      outcome.source_bytes = rendered->source_bytes;
      outcome.source = rendered->source_checksum;
      outcome.traits = rendered->traits;
      if (job_.forbidden != nullptr && job_.forbidden->contains(outcome.content)) {
        outcome.skipped = "the content of a test image";
      }
    } else {
      outcome.skipped = std::string(rendered.status().message());
    }
    if (outcome.skipped.empty()) {
      writer->AddImage(rendered->stored);
    } else if (job_.strict) {
      return absl::DataLossError(
          absl::StrCat(DescribeImage(job_.set, image), ": ", outcome.skipped, " (--strict)"));
    }
    outcome_.images.push_back(std::move(outcome));
    return writer->status();
  }

  // The rows whose image is there; adds them to `writer` unless that is null.
  std::vector<int64_t> KeptRows(ShardWriter* writer) const {
    absl::flat_hash_map<int64_t, int64_t> number;  // image -> its number in the shard
    for (size_t i = 0; i < images_.size(); ++i) {
      if (outcome_.images[i].skipped.empty()) {
        number.try_emplace(images_[i], static_cast<int64_t>(number.size()));
      }
    }
    std::vector<int64_t> kept;
    for (const int64_t row : job_.rows) {
      const Sample& sample = job_.samples[static_cast<size_t>(row)];
      const auto found = number.find(sample.image);
      if (sample.image >= 0 && found == number.end()) continue;
      kept.push_back(row);
      if (writer == nullptr) continue;
      writer->AddRow(sample.image >= 0 ? found->second : 0, sample.label, sample.text);
    }
    return kept;
  }

  const ShardJob& job_;
  const absl::FunctionRef<void(bool)> on_image_;
  const std::vector<int64_t> images_;
  ShardOutcome outcome_;
};

}  // namespace

absl::StatusOr<ShardOutcome> WriteShard(const ShardJob& job,
                                        absl::FunctionRef<void(bool)> on_image) {
  return Writing(job, on_image).Run();
}

size_t CountImages(const std::vector<Sample>& samples, absl::Span<const int64_t> rows) {
  return ImagesOf(samples, rows).size();
}

void ForgetJournal(const std::string& path) { std::remove(JournalPath(path).c_str()); }

}  // namespace tributary
