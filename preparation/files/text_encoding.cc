#include "preparation/files/text_encoding.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/ucnv.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/files/utf8.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 16;  // characters of UTF-16, between the two encodings

using Converter = std::unique_ptr<UConverter, decltype(&ucnv_close)>;

absl::StatusOr<Converter> OpenConverter(const std::string& name) {
  UErrorCode error = U_ZERO_ERROR;
  // ICU takes an empty name for the machine's own encoding, which is no choice of anybody's.
  Converter converter(name.empty() ? nullptr : ucnv_open(name.c_str(), &error), &ucnv_close);
  if (converter != nullptr && U_SUCCESS(error)) return converter;
  return absl::InvalidArgumentError(absl::StrCat("encoding \"", name,
                                                 "\" is unknown; expected a name such as ",
                                                 kUsualEncoding, ", latin1, UTF-16 or Shift_JIS"));
}

std::string Normal(const icu::Normalizer2* form, absl::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii || form == nullptr || FindBrokenUtf8(text)) return std::string(text);
  UErrorCode error = U_ZERO_ERROR;
  std::string normal;
  icu::StringByteSink<std::string> sink(&normal);
  form->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink,
                      nullptr, error);
  return U_SUCCESS(error) ? normal : std::string(text);
}

}  // namespace

absl::Status CheckEncoding(const std::string& name) { return OpenConverter(name).status(); }

absl::StatusOr<std::string> ToUtf8(absl::string_view bytes, const std::string& encoding) {
  ASSIGN_OR_RETURN(const Converter from, OpenConverter(encoding));
  ASSIGN_OR_RETURN(const Converter to, OpenConverter("UTF-8"));
  UErrorCode error = U_ZERO_ERROR;
  // Without this ICU would put a replacement character where it cannot read.
  ucnv_setToUCallBack(from.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &error);
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 8);
  const char* next = bytes.data();
  const char* const end = next + bytes.size();
  std::u16string pivot(kPiece, u'\0');
  std::string piece(4 * kPiece, '\0');
  do {
    UChar* into = pivot.data();
    error = U_ZERO_ERROR;
    ucnv_toUnicode(from.get(), &into, pivot.data() + kPiece, &next, end, nullptr, 1, &error);
    if (U_FAILURE(error) && error != U_BUFFER_OVERFLOW_ERROR) {
      return absl::DataLossError(absl::StrCat("byte ", next - bytes.data(), " means nothing in ",
                                              encoding, "; is it another encoding?"));
    }
    const UChar* source = pivot.data();
    char* target = piece.data();
    UErrorCode written = U_ZERO_ERROR;
    ucnv_fromUnicode(to.get(), &target, piece.data() + piece.size(), &source, into, nullptr, 0,
                     &written);
    text.append(piece.data(), static_cast<size_t>(target - piece.data()));
  } while (error == U_BUFFER_OVERFLOW_ERROR);
  return text;
}

std::string AsUsualText(absl::string_view bytes) {
  const absl::StatusOr<std::string> text = ToUtf8(bytes, kUsualEncoding);
  return text.ok() ? *text : std::string(bytes);
}

std::string EncodingByMark(absl::string_view bytes) {
  if (absl::StartsWith(bytes, absl::string_view("\xff\xfe\0\0", 4)) ||
      absl::StartsWith(bytes, absl::string_view("\0\0\xfe\xff", 4))) {
    return "UTF-32";
  }
  if (absl::StartsWith(bytes, "\xff\xfe") || absl::StartsWith(bytes, "\xfe\xff")) return "UTF-16";
  return "";
}

std::string Composed(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  return Normal(icu::Normalizer2::getNFCInstance(error), text);
}

std::string Decomposed(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  return Normal(icu::Normalizer2::getNFDInstance(error), text);
}

}  // namespace tributary
