// How near `tributary prepare` comes to decoding alone.
//
//   bench_prepare [--images 800] [--width 640] [--height 480] [--size 224] [--rounds 3] [--threads
//   N]
//                 [--store pixels|original] [--json]
//
// Makes a folder of JPEG files, and in each round decodes all of them with libjpeg-turbo on all
// cores (reading included, nothing kept), then prepares shards of them (decoding, resizing,
// checksums, writing, syncing). Prints images per second of both and their ratio, which should be
// at least 0.8.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/data/jpeg.h"
#include "preparation/prepare.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

struct Settings {
  int images = 800, width = 640, height = 480, rounds = 3, threads = CoreCount();
  int64_t size = 224;
  std::string store = "pixels";
  bool json = false;
};

// Colours that flow into each other under grain. 163 kB at 640 x 480, which is the mean of COCO's
// train2014 (13.5 GB of 82,783 images).
absl::Status WritePhoto(const Settings& settings, int number, const std::string& path) {
  cv::Mat small(24, 32, CV_8UC3), grain(settings.height, settings.width, CV_8SC3), large;
  cv::theRNG().state = static_cast<uint64_t>(number) + 1;
  cv::randu(small, 0, 256);
  cv::randu(grain, -30, 30);
  cv::resize(small, large, {settings.width, settings.height}, 0, 0, cv::INTER_CUBIC);
  cv::add(large, grain, large, cv::noArray(), CV_8U);
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".jpg", large, bytes, {cv::IMWRITE_JPEG_QUALITY, 90})) {
    return absl::InternalError("cannot encode a JPEG");
  }
  return WriteFileAtomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

absl::StatusOr<std::vector<std::string>> WritePhotos(const Settings& settings,
                                                     const std::string& root) {
  std::vector<std::string> paths;
  for (int i = 0; i < settings.images; ++i) {
    const std::string folder = absl::StrCat(root, i % 10 == 0 ? "/test/" : "/train/", i % 20 / 10);
    std::filesystem::create_directories(folder);
    paths.push_back(absl::StrCat(folder, "/", i, ".jpg"));
    RETURN_IF_ERROR(WritePhoto(settings, i, paths.back()));
  }
  return paths;
}

// Both in images per second.
struct Round {
  double decoding = 0, preparing = 0;
};

absl::StatusOr<Round> Measure(const Settings& settings, const std::vector<std::string>& paths,
                              const std::string& root, const std::string& out) {
  const auto images = static_cast<double>(paths.size());
  const absl::Time begin = absl::Now();
  std::atomic<bool> failed = false;
  ParallelFor(settings.threads, paths.size(), [&](size_t i) {
    const auto bytes = ReadFile(paths[i]);
    if (!bytes.ok() || !DecodeJpeg(*bytes, 3).ok()) failed = true;
  });
  const absl::Time decoded = absl::Now();
  if (failed) return absl::InternalError("a photo cannot be decoded");
  PrepareOptions options;
  options.dataset = "image-folder";
  options.source.root = root;
  options.out = out;
  options.image_size = settings.size;
  options.threads = settings.threads;
  options.storage = settings.store == "pixels" ? ImageStorage::kPixels : ImageStorage::kOriginal;
  RETURN_IF_ERROR(Prepare(options, [](const PrepareProgress&) {}).status());
  return Round{.decoding = images / absl::ToDoubleSeconds(decoded - begin),
               .preparing = images / absl::ToDoubleSeconds(absl::Now() - decoded)};
}

absl::Status Run(const Settings& settings) {
  const ScratchFolder scratch;
  const std::string root = scratch / "photos";
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, WritePhotos(settings, root));
  uintmax_t bytes = 0;
  for (const std::string& path : paths) bytes += std::filesystem::file_size(path);
  if (!settings.json) {
    std::printf("%zu photos of %d x %d, %ju kB each on the average\n", paths.size(), settings.width,
                settings.height, bytes / paths.size() / 1000);
  }
  std::vector<double> ratios;
  for (int i = 0; i < settings.rounds; ++i) {
    const std::string out = absl::StrCat(scratch.path(), "/out-", i);
    ASSIGN_OR_RETURN(const Round round, Measure(settings, paths, root, out));
    std::filesystem::remove_all(out);
    ratios.push_back(round.preparing / round.decoding);
    std::printf(settings.json ? "{\"decoding\": %.1f, \"preparing\": %.1f, \"ratio\": %.3f}\n"
                              : "decoding alone %7.1f images/s   preparing %7.1f images/s   %.2f\n",
                round.decoding, round.preparing, ratios.back());
  }
  std::sort(ratios.begin(), ratios.end());
  if (!settings.json)
    std::printf("median %.2f (should be 0.80 or more)\n", ratios[ratios.size() / 2]);
  return absl::OkStatus();
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  tributary::Settings settings;
  CLI::App app("How near tributary prepare comes to decoding alone");
  app.add_option("--images", settings.images)->capture_default_str();
  app.add_option("--width", settings.width)->capture_default_str();
  app.add_option("--height", settings.height)->capture_default_str();
  app.add_option("--size", settings.size, "of the shards' images")->capture_default_str();
  app.add_option("--rounds", settings.rounds)->capture_default_str();
  app.add_option("--threads", settings.threads)->capture_default_str();
  app.add_option("--store", settings.store)->capture_default_str();
  app.add_flag("--json", settings.json);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = tributary::Run(settings);
  if (!status.ok())
    std::fprintf(stderr, "bench_prepare: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
