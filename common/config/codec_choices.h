// The words of codecs that a run file may choose, taken from the table of codecs.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/codec/codec_table.h"
#include "common/config/choice.h"

namespace tributary {

// A choice for each wanted row of the table, in its order, behind `first` choices that are not
// codecs.
template <typename T, size_t size>
constexpr std::array<Choice<T>, size> ChoicesOfCodecs(bool (*wanted)(const CodecRow& row),
                                                      absl::Span<const Choice<T>> first = {}) {
  std::array<Choice<T>, size> choices{};
  size_t i = 0;
  for (const Choice<T>& choice : first) choices[i++] = choice;
  for (const CodecRow& row : kCodecTable) {
    if (wanted(row)) choices[i++] = {row.word, row.codec};
  }
  return choices;
}

// Of updates, whole models, and differences, or none.
inline constexpr auto kCodecWords =
    ChoicesOfCodecs<Codec, CountOfCodecs(MayCarryUpdate)>(MayCarryUpdate);
inline constexpr auto kModelCodecWords =
    ChoicesOfCodecs<Codec, CountOfCodecs(MayCarryModel)>(MayCarryModel);
inline constexpr std::array<Choice<std::optional<Codec>>, 1> kNoCodec = {{{"none", std::nullopt}}};
inline constexpr auto kDeltaCodecWords =
    ChoicesOfCodecs<std::optional<Codec>, 1 + CountOfCodecs(MayCarryDifference)>(MayCarryDifference,
                                                                                 kNoCodec);

}  // namespace tributary
