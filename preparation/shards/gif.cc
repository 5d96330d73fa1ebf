#include "preparation/shards/gif.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <gif_lib.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/pixels.h"

namespace tributary {
namespace {

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using Gif = std::unique_ptr<GifFileType, Close>;

int OnRead(GifFileType* gif, GifByteType* to, int count) {
  auto* rest = static_cast<absl::string_view*>(gif->UserData);
  const size_t taken = std::min(static_cast<size_t>(std::max(count, 0)), rest->size());
  std::memcpy(to, rest->data(), taken);
  rest->remove_prefix(taken);
  return static_cast<int>(taken);
}

absl::Status Damaged(int error) {
  const char* const words = GifErrorString(error);
  return absl::DataLossError(
      absl::StrCat("damaged GIF: ", words != nullptr ? words : "it ends without a picture"));
}

// Reads up to the next picture, and notes what the extensions before it say. False at the end.
absl::StatusOr<bool> NextPicture(GifFileType* gif, GraphicsControlBlock* control) {
  for (GifRecordType kind = UNDEFINED_RECORD_TYPE; kind != TERMINATE_RECORD_TYPE;) {
    if (DGifGetRecordType(gif, &kind) != GIF_OK) return Damaged(gif->Error);
    if (kind == IMAGE_DESC_RECORD_TYPE) return true;
    if (kind != EXTENSION_RECORD_TYPE) continue;
    int code = 0;
    GifByteType* bytes = nullptr;
    if (DGifGetExtension(gif, &code, &bytes) != GIF_OK) return Damaged(gif->Error);
    while (bytes != nullptr) {
      if (code == GRAPHICS_EXT_FUNC_CODE) DGifExtensionToGCB(bytes[0], bytes + 1, control);
      if (DGifGetExtensionNext(gif, &bytes) != GIF_OK) return Damaged(gif->Error);
    }
  }
  return false;
}

// The order in which the rows of a picture are stored.
std::vector<int> RowOrder(const GifImageDesc& place) {
  constexpr int kFirst[] = {0, 4, 2, 1}, kStep[] = {8, 8, 4, 2};
  std::vector<int> rows;
  if (!place.Interlace) {
    for (int row = 0; row < place.Height; ++row) rows.push_back(row);
    return rows;
  }
  for (size_t pass = 0; pass < 4; ++pass) {
    for (int row = kFirst[pass]; row < place.Height; row += kStep[pass]) rows.push_back(row);
  }
  return rows;
}

absl::Status Paint(GifFileType* gif, int transparent, cv::Mat* canvas) {
  const GifImageDesc& place = gif->Image;
  const ColorMapObject* colours = place.ColorMap != nullptr ? place.ColorMap : gif->SColorMap;
  if (colours == nullptr) return absl::DataLossError("damaged GIF: it has no colours");
  std::vector<GifPixelType> line(static_cast<size_t>(place.Width));
  for (const int row : RowOrder(place)) {
    if (DGifGetLine(gif, line.data(), place.Width) != GIF_OK) return Damaged(gif->Error);
    for (int column = 0; column < place.Width; ++column) {
      const int y = place.Top + row, x = place.Left + column;
      const int index = line[static_cast<size_t>(column)];
      if (index == transparent || y >= canvas->rows || x >= canvas->cols) continue;
      if (index >= colours->ColorCount)
        return absl::DataLossError("damaged GIF: an unknown colour");
      const GifColorType& colour = colours->Colors[index];
      canvas->at<cv::Vec4b>(y, x) = cv::Vec4b(colour.Blue, colour.Green, colour.Red, 255);
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsGif(absl::string_view bytes) {
  return absl::StartsWith(bytes, "GIF87a") || absl::StartsWith(bytes, "GIF89a");
}

absl::StatusOr<Picture> DecodeGif(absl::string_view bytes) {
  absl::string_view rest = bytes;
  int error = 0;
  const Gif gif(DGifOpen(&rest, OnRead, &error));
  if (gif == nullptr) return Damaged(error);
  GraphicsControlBlock control = {.DisposalMode = 0,
                                  .UserInputFlag = false,
                                  .DelayTime = 0,
                                  .TransparentColor = NO_TRANSPARENT_COLOR};
  ASSIGN_OR_RETURN(const bool any, NextPicture(gif.get(), &control));
  if (!any) return absl::DataLossError("damaged GIF: it holds no picture");
  if (DGifGetImageDesc(gif.get()) != GIF_OK) return Damaged(gif->Error);
  RETURN_IF_ERROR(CheckImageSides(gif->Image.Height, gif->Image.Width));
  // Some programs leave the canvas empty.
  const int height = gif->SHeight > 0 ? gif->SHeight : gif->Image.Height;
  const int width = gif->SWidth > 0 ? gif->SWidth : gif->Image.Width;
  RETURN_IF_ERROR(CheckImageSides(height, width));
  Picture picture;
  picture.mat = cv::Mat(height, width, CV_8UC4, cv::Scalar(0, 0, 0, 0));
  RETURN_IF_ERROR(Paint(gif.get(), control.TransparentColor, &picture.mat));
  // What is damaged behind the first picture does not matter.
  picture.traits.more_frames = NextPicture(gif.get(), &control).value_or(false);
  return picture;
}

}  // namespace tributary
