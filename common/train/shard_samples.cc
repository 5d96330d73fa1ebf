#include "common/train/shard_samples.h"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/data/resize.h"
#include "common/data/stored_image.h"
#include "common/train/samples.h"

namespace tributary {
namespace {

// Means and deviations of pixel values, one for each channel.
struct Normalisation {
  std::vector<float> mean, deviation;
};

const Normalisation& ImageNets() {
  static const Normalisation kImageNets = {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
  return kImageNets;
}

// The image of each of the first `rows` rows, numbered in the order in which rows first show them.
std::vector<int64_t> NumberImages(const Shard& shard, int64_t rows) {
  absl::flat_hash_map<int64_t, int64_t> numbers;
  std::vector<int64_t> image_of_row;
  for (int64_t row = 0; row < rows; ++row) {
    const auto next = static_cast<int64_t>(numbers.size());
    image_of_row.push_back(numbers.try_emplace(shard.ImageOfRow(row), next).first->second);
  }
  return image_of_row;
}

class ShardSamples : public Samples {
 public:
  ShardSamples(std::shared_ptr<const Shard> shard, int64_t max_tokens, int64_t rows,
               Normalisation normalisation, int threads)
      : shard_(std::move(shard)),
        info_(shard_->info()),
        max_tokens_(max_tokens),
        rows_(rows),
        normalisation_(std::move(normalisation)),
        threads_(threads) {
    if (info_.modality == Modality::kPair) image_of_row_ = NumberImages(*shard_, rows_);
  }

  // Tokenises every text on all cores. All at once and not batch by batch, because the word table
  // that is trained has only the rows that occur.
  void Tokenise(const Tokenizer& tokenizer) {
    constexpr int64_t kTextsPerJob =
        256;  // short texts: taking a job must not cost more than doing it
    tokens_.resize(static_cast<size_t>(rows_ * max_tokens_));
    ParallelFor(CoreCount(), static_cast<size_t>((rows_ + kTextsPerJob - 1) / kTextsPerJob),
                [&](size_t job) {
                  const int64_t begin = static_cast<int64_t>(job) * kTextsPerJob;
                  for (int64_t row = begin; row < std::min(rows_, begin + kTextsPerJob); ++row) {
                    const std::vector<int64_t> ids =
                        tokenizer.Encode(shard_->Text(row), max_tokens_);
                    std::copy(ids.begin(), ids.end(), tokens_.begin() + row * max_tokens_);
                  }
                });
    std::vector<bool> occurs(static_cast<size_t>(tokenizer.size()));
    occurs[0] = true;
    for (const int64_t token : tokens_) occurs[static_cast<size_t>(token)] = true;
    for (size_t row = 0; row < occurs.size(); ++row) {
      if (occurs[row]) word_rows_.push_back(static_cast<int64_t>(row));
    }
  }

  Modality modality() const override { return info_.modality; }
  int64_t count() const override { return rows_; }
  const std::vector<int64_t>& image_of_row() const override { return image_of_row_; }
  const std::vector<int64_t>& word_rows() const override { return word_rows_; }

  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& augmentations,
                               RandomStream* stream) const override {
    Batch batch;
    if (info_.modality != Modality::kText) {
      ASSIGN_OR_RETURN(batch.images, Images(rows, augmentations, stream));
    }
    if (info_.modality != Modality::kImage) batch.tokens = Tokens(rows);
    if (info_.modality != Modality::kPair) batch.labels = Labels(rows);
    return batch;
  }

 private:
  absl::StatusOr<at::Tensor> Images(absl::Span<const int64_t> rows,
                                    const Augmentations& augmentations,
                                    RandomStream* stream) const {
    const int64_t size = info_.image_size, channels = info_.channels;
    std::vector<ImageChange> changes(rows.size());
    // One-channel sets are never augmented (docs/algorithm.md section 2). All changes are drawn
    // before the threads begin, so that their order does not decide which image gets which number.
    if (stream != nullptr && channels > 1) {
      for (ImageChange& change : changes) change = DrawChange(augmentations, stream);
    }
    at::Tensor images =
        at::empty({static_cast<int64_t>(rows.size()), channels, size, size}, at::kFloat);
    auto* planes = images.mutable_data_ptr<float>();
    const auto values = static_cast<size_t>(channels * size * size);
    std::vector<absl::Status> outcomes(rows.size());  // one for each row, so that no lock is needed
    const size_t at_once = ImagesPerJob();
    ParallelFor(threads_, (rows.size() + at_once - 1) / at_once, [&](size_t job) {
      for (size_t i = job * at_once; i < std::min(rows.size(), (job + 1) * at_once); ++i) {
        outcomes[i] = Fill(rows[i], changes[i], absl::MakeSpan(planes + i * values, values));
      }
    });
    for (const absl::Status& outcome : outcomes) RETURN_IF_ERROR(outcome);
    return images;
  }

  // Images that are worth handing to a thread: one where it must be decoded, else 1 MiB of floats.
  size_t ImagesPerJob() const {
    if (info_.storage == ImageStorage::kOriginal) return 1;
    constexpr int64_t kValues = 1 << 18;
    return static_cast<size_t>(
        std::max<int64_t>(1, kValues / (info_.image_size * info_.image_size * info_.channels)));
  }

  absl::Status Fill(int64_t row, const ImageChange& change, absl::Span<float> planes) const {
    try {
      std::vector<uint8_t> made;
      ASSIGN_OR_RETURN(absl::Span<const uint8_t> image, Pixels(row, &made));
      if (change != ImageChange()) {
        if (made.empty()) made.assign(image.begin(), image.end());
        ApplyChange(change, info_.image_size, info_.channels, absl::MakeSpan(made));
        image = made;
      }
      Normalise(image, normalisation_.mean, normalisation_.deviation, planes);
      return absl::OkStatus();
    } catch (
        const std::bad_alloc&) {  // runs on ParallelFor's threads, where an exception would abort
      return absl::ResourceExhaustedError(
          absl::StrCat(shard_->path(), ": no memory for the image of row ", row));
    }
  }

  // The row's pixels at training resolution: in the shard itself, or decoded and resized into
  // `made`.
  absl::StatusOr<absl::Span<const uint8_t>> Pixels(int64_t row, std::vector<uint8_t>* made) const {
    const absl::Span<const uint8_t> stored = shard_->Image(row);
    if (info_.storage == ImageStorage::kPixels) return stored;
    absl::StatusOr<Image> original = LoadStoredImage(stored, info_.channels);
    if (!original.ok()) {
      return absl::DataLossError(absl::StrCat(shard_->path(), ": the image of row ", row,
                                              " cannot be read (", original.status().message(),
                                              "); prepare the data again"));
    }
    *made = Resize(*original, info_.image_size, info_.image_size).pixels;
    return absl::MakeConstSpan(*made);
  }

  at::Tensor Tokens(absl::Span<const int64_t> rows) const {
    at::Tensor tokens = at::empty({static_cast<int64_t>(rows.size()), max_tokens_}, at::kLong);
    auto* to = tokens.mutable_data_ptr<int64_t>();
    for (const int64_t row : rows) {
      to = std::copy_n(tokens_.begin() + row * max_tokens_, max_tokens_, to);
    }
    return tokens;
  }

  at::Tensor Labels(absl::Span<const int64_t> rows) const {
    at::Tensor labels = at::empty({static_cast<int64_t>(rows.size())}, at::kLong);
    auto* to = labels.mutable_data_ptr<int64_t>();
    for (const int64_t row : rows) *to++ = shard_->Label(row);
    return labels;
  }

  const std::shared_ptr<const Shard> shard_;
  const ShardInfo& info_;
  const int64_t max_tokens_;
  const int64_t rows_;
  const Normalisation normalisation_;
  const int threads_;
  std::vector<int64_t> image_of_row_;
  std::vector<int64_t> tokens_;  // [rows, max_tokens]
  std::vector<int64_t> word_rows_;
};

absl::StatusOr<std::unique_ptr<Samples>> MakeSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens, int64_t rows, Normalisation normalisation, int threads) {
  RETURN_IF_ERROR(shard->Verify());
  const bool texts = shard->info().modality != Modality::kImage;
  if (texts && (tokenizer == nullptr || max_tokens < 2)) {
    return absl::InvalidArgumentError(
        absl::StrCat("texts need a vocabulary and at least 2 tokens; max_tokens is ", max_tokens));
  }
  auto samples = std::make_unique<ShardSamples>(std::move(shard), max_tokens, rows,
                                                std::move(normalisation), threads);
  if (texts) samples->Tokenise(*tokenizer);
  return samples;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Samples>> MakeShardSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens, int threads) {
  const ShardInfo& info = shard->info();
  return MakeSamples(shard, tokenizer, max_tokens, info.rows, {info.mean, info.deviation}, threads);
}

absl::StatusOr<std::unique_ptr<Samples>> MakePublicSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens, int64_t rows, int threads) {
  const ShardInfo& info = shard->info();
  if (info.modality != Modality::kPair || info.channels != 3 || info.rows < rows || rows < 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the public set holds ", info.rows, " samples of modality ", ModalityName(info.modality),
        " with ", info.channels, " channels; expected ", rows, " or more pairs with 3 channels"));
  }
  return MakeSamples(std::move(shard), tokenizer, max_tokens, rows, ImageNets(), threads);
}

}  // namespace tributary
