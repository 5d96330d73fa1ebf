#include "common/train/shard_samples.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/resize.h"
#include "common/data/stored_image.h"
#include "common/train/samples.h"

namespace tributary {
namespace {

// Of images, by channel.
struct Normalisation {
  std::vector<float> mean, deviation;
};

const Normalisation& ImageNets() {
  static const Normalisation kImageNets = {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
  return kImageNets;
}

// Images of the first `rows` rows, in the order in which they show them first.
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
               Normalisation normalisation)
      : shard_(std::move(shard)),
        info_(shard_->info()),
        max_tokens_(max_tokens),
        rows_(rows),
        normalisation_(std::move(normalisation)) {
    if (info_.modality == Modality::kPair) image_of_row_ = NumberImages(*shard_, rows_);
  }

  void Tokenise(const Tokenizer& tokenizer) {
    for (int64_t row = 0; row < rows_; ++row) {
      const std::vector<int64_t> ids = tokenizer.Encode(shard_->Text(row), max_tokens_);
      tokens_.insert(tokens_.end(), ids.begin(), ids.end());
    }
    word_rows_ = tokens_;
    word_rows_.push_back(0);
    std::sort(word_rows_.begin(), word_rows_.end());
    word_rows_.erase(std::unique(word_rows_.begin(), word_rows_.end()), word_rows_.end());
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
    const auto values = static_cast<size_t>(channels * size * size);
    at::Tensor images =
        at::empty({static_cast<int64_t>(rows.size()), channels, size, size}, at::kFloat);
    auto* planes = images.mutable_data_ptr<float>();
    for (size_t i = 0; i < rows.size(); ++i) {
      std::vector<uint8_t> made;
      ASSIGN_OR_RETURN(absl::Span<const uint8_t> image, Pixels(rows[i], &made));
      if (stream != nullptr && channels > 1) {  // one-channel sets are never augmented
        if (made.empty()) made.assign(image.begin(), image.end());
        Augment(augmentations, size, channels, stream, absl::MakeSpan(made));
        image = made;
      }
      Normalise(image, normalisation_.mean, normalisation_.deviation,
                absl::MakeSpan(planes + i * values, values));
    }
    return images;
  }

  // At training resolution: those of the shard, or an original's in `made`.
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
  std::vector<int64_t> image_of_row_;
  std::vector<int64_t> tokens_;  // [rows, max_tokens]
  std::vector<int64_t> word_rows_;
};

absl::StatusOr<std::unique_ptr<Samples>> MakeSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens, int64_t rows, Normalisation normalisation) {
  RETURN_IF_ERROR(shard->Verify());
  const bool texts = shard->info().modality != Modality::kImage;
  if (texts && (tokenizer == nullptr || max_tokens < 2)) {
    return absl::InvalidArgumentError(
        absl::StrCat("texts need a vocabulary and at least 2 tokens; max_tokens is ", max_tokens));
  }
  auto samples =
      std::make_unique<ShardSamples>(std::move(shard), max_tokens, rows, std::move(normalisation));
  if (texts) samples->Tokenise(*tokenizer);
  return samples;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Samples>> MakeShardSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens) {
  const ShardInfo& info = shard->info();
  return MakeSamples(shard, tokenizer, max_tokens, info.rows, {info.mean, info.deviation});
}

absl::StatusOr<std::unique_ptr<Samples>> MakePublicSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens, int64_t rows) {
  const ShardInfo& info = shard->info();
  if (info.modality != Modality::kPair || info.channels != 3 || info.rows < rows || rows < 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("the public set holds ", info.rows, " samples of modality ",
                     ModalityName(info.modality), " with ", info.channels, " channels; expected ",
                     rows, " or more pairs with 3 channels (creamfl.samples)"));
  }
  return MakeSamples(std::move(shard), tokenizer, max_tokens, rows, ImageNets());
}

}  // namespace tributary
