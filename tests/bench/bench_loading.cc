// How fast images are loaded, and how long training waits for them.
//
//   bench_loading [--images 256] [--steps 6] [--batch 16] [--device cpu] [--threads 0]
//                 [--loader-threads 0] [--json]
//
// A shard of original JPEGs of 640 x 480 is made on the fly. Three tables: decoding alone against
// decoding and resizing to 224, on all cores; loading alone by threads; ViT-Small training with
// loading beside it, and the share of its steps that was waiting. Speeds differ from machine to
// machine: compare ratios of one run.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <numeric>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/time/clock.h"
#include "client/trainer/local_trainer.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/data/jpeg.h"
#include "common/data/resize.h"
#include "common/model/initial_state.h"
#include "common/train/samples.h"
#include "common/train/shard_samples.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

constexpr int64_t kSize = 224;
constexpr int kClasses = 10;

struct BenchOptions {
  int images = 256, steps = 6, batch = 16;
  std::string device = "cpu";
  int threads = 0, loader_threads = 0;
  bool json = false;
};

double SecondsOf(const std::function<void()>& work) {
  const absl::Time begin = absl::Now();
  work();
  return absl::ToDoubleSeconds(absl::Now() - begin);
}

// The least of a few runs: what other programs took away is not counted.
double BestSecondsOf(const std::function<void()>& work) {
  double best = SecondsOf(work);
  for (int i = 0; i < 4; ++i) best = std::min(best, SecondsOf(work));
  return best;
}

// Broad shapes and fine grain, as a photograph has: some 70 kB each.
std::string SyntheticJpeg(uint64_t seed) {
  cv::RNG draws(seed + 1);
  cv::Mat shapes(12, 16, CV_8UC3), image, grain(480, 640, CV_16SC3);
  draws.fill(shapes, cv::RNG::UNIFORM, 0, 256);
  cv::resize(shapes, image, cv::Size(640, 480), 0, 0, cv::INTER_CUBIC);
  draws.fill(grain, cv::RNG::NORMAL, 0, 8);
  cv::add(image, grain, image, cv::noArray(), CV_8U);
  std::vector<uint8_t> bytes;
  cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_QUALITY, 90});
  return {bytes.begin(), bytes.end()};
}

absl::StatusOr<std::shared_ptr<const Shard>> MakeShard(const std::string& path,
                                                       const std::vector<std::string>& jpegs) {
  ShardInfo info{.dataset = "bench",
                 .modality = Modality::kImage,
                 .part = "train",
                 .storage = ImageStorage::kOriginal,
                 .image_size = kSize,
                 .channels = 3,
                 .classes = std::vector<std::string>(kClasses, "class"),
                 .mean = {0.5F, 0.5F, 0.5F},
                 .deviation = {0.5F, 0.5F, 0.5F}};
  ShardWriter writer(path, info);
  for (size_t i = 0; i < jpegs.size(); ++i) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(jpegs[i].data());
    writer.AddRow(writer.AddImage({bytes, jpegs[i].size()}), static_cast<int32_t>(i % kClasses),
                  "");
  }
  RETURN_IF_ERROR(writer.Finish());
  return Shard::Open(path);
}

// Of all threads of this process: what other programs take away is not in it.
double ProcessorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// On all cores, by processor time, in turns and the best of them: the ratio is of the code, not of
// the hour.
nlohmann::json BenchDecoding(const std::vector<std::string>& jpegs) {
  const size_t count = std::min<size_t>(jpegs.size(), 64);
  const auto seconds = [&](bool resize) {
    const double begin = ProcessorSeconds();
    ParallelFor(CoreCount(), count, [&](size_t i) {
      const absl::StatusOr<Image> image = DecodeJpeg(jpegs[i], 3);
      if (resize && image.ok()) Resize(*image, kSize, kSize);
    });
    return ProcessorSeconds() - begin;
  };
  double decode = seconds(false), both = seconds(true);
  for (int i = 0; i < 30; ++i) {
    decode = std::min(decode, seconds(false));
    both = std::min(both, seconds(true));
  }
  const double core_images = static_cast<double>(count) * CoreCount();
  return {{"decode_per_second", core_images / decode},
          {"decode_and_resize_per_second", core_images / both},
          {"ratio", decode / both}};
}

absl::StatusOr<double> LoadingRate(const BenchOptions& options,
                                   const std::shared_ptr<const Shard>& shard, int threads) {
  ASSIGN_OR_RETURN(const auto samples, MakeShardSamples(shard, nullptr, 0, threads));
  absl::Status status;
  const double seconds = BestSecondsOf([&] {
    for (int64_t begin = 0; begin < samples->count(); begin += options.batch) {
      std::vector<int64_t> rows(
          static_cast<size_t>(std::min<int64_t>(options.batch, samples->count() - begin)));
      std::iota(rows.begin(), rows.end(), begin);
      status.Update(samples->Gather(rows, {}, nullptr).status());
    }
  });
  RETURN_IF_ERROR(status);
  return static_cast<double>(samples->count()) / seconds;
}

absl::StatusOr<nlohmann::json> BenchTraining(const BenchOptions& options,
                                             const std::shared_ptr<const Shard>& shard) {
  const ModelSpec spec{.dim = 384,
                       .depth = 12,
                       .heads = 6,
                       .patch = 16,
                       .image_size = kSize,
                       .max_tokens = 40,
                       .vocabulary_size = 30522,
                       .classes = kClasses};
  ASSIGN_OR_RETURN(const StateDict state, InitialState(spec, Modality::kImage, 1, "bench"));
  ASSIGN_OR_RETURN(auto samples, MakeShardSamples(shard, nullptr, 0, options.loader_threads));
  ASSIGN_OR_RETURN(const auto trainer,
                   LocalTrainer::Create(spec, std::move(samples),
                                        {.device = options.device, .threads = options.threads}));
  LocalTask task;
  task.training.epochs = 1;
  task.training.batch = options.batch;
  const std::atomic<bool> never = false;
  ASSIGN_OR_RETURN(const TrainingResult result, trainer->Train(state, task, nullptr, never));
  const auto steps = static_cast<double>(result.steps);
  return nlohmann::json{
      {"steps", result.steps},
      {"seconds_per_step", (result.wait_seconds + result.step_seconds) / steps},
      {"waiting_share", result.wait_seconds / (result.wait_seconds + result.step_seconds)}};
}

void Print(const BenchOptions& options, const nlohmann::json& all) {
  const nlohmann::json& decoding = all["decoding"];
  std::printf("%d JPEGs of 640 x 480, %.0f kB each, %d cores\n\n", options.images,
              all["bytes_per_image"].get<double>() / 1000, CoreCount());
  std::printf("| on all cores | images/s |\n|---|---|\n");
  std::printf("| decode | %.0f |\n", decoding["decode_per_second"].get<double>());
  std::printf("| decode and resize to %d | %.0f |\n", static_cast<int>(kSize),
              decoding["decode_and_resize_per_second"].get<double>());
  std::printf("| ratio | %.3f |\n\n", decoding["ratio"].get<double>());
  std::printf("| loader threads | images/s |\n|---|---|\n");
  for (const nlohmann::json& row : all["loading"]) {
    std::printf("| %d | %.0f |\n", row["threads"].get<int>(),
                row["images_per_second"].get<double>());
  }
  const nlohmann::json& training = all["training"];
  std::printf("\n| ViT-Small on %s, batch %d | |\n|---|---|\n", options.device.c_str(),
              options.batch);
  std::printf("| steps | %d |\n", training["steps"].get<int>());
  std::printf("| seconds per step | %.3f |\n", training["seconds_per_step"].get<double>());
  std::printf("| waiting for samples | %.2f %% |\n", 100 * training["waiting_share"].get<double>());
}

absl::Status Run(const BenchOptions& options) {
  std::vector<std::string> jpegs(static_cast<size_t>(options.images));
  ParallelFor(CoreCount(), jpegs.size(), [&](size_t i) { jpegs[i] = SyntheticJpeg(i); });
  const ScratchFolder scratch;
  ASSIGN_OR_RETURN(const auto shard, MakeShard(scratch / "train.shard", jpegs));
  size_t bytes = 0;
  for (const std::string& jpeg : jpegs) bytes += jpeg.size();
  nlohmann::json all = {{"bytes_per_image", bytes / jpegs.size()}};
  all["decoding"] = BenchDecoding(jpegs);
  for (int threads = 1; threads <= CoreCount(); threads *= 2) {
    ASSIGN_OR_RETURN(const double rate, LoadingRate(options, shard, threads));
    all["loading"].push_back({{"threads", threads}, {"images_per_second", rate}});
  }
  const auto trained = static_cast<size_t>(options.steps) * static_cast<size_t>(options.batch);
  std::vector<std::string> part;
  for (size_t i = 0; i < trained; ++i) part.push_back(jpegs[i % jpegs.size()]);
  ASSIGN_OR_RETURN(const auto train, MakeShard(scratch / "steps.shard", part));
  ASSIGN_OR_RETURN(all["training"], BenchTraining(options, train));
  if (options.json) {
    std::printf("%s\n", all.dump(2).c_str());
  } else {
    Print(options, all);
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  CLI::App app("How fast images are loaded, and how long training waits for them.");
  tributary::BenchOptions options;
  app.add_option("--images", options.images, "JPEGs to make")->check(CLI::Range(1, 100000));
  app.add_option("--steps", options.steps, "of training")->check(CLI::Range(1, 100000));
  app.add_option("--batch", options.batch, "images in a step")->check(CLI::Range(1, 4096));
  app.add_option("--device", options.device, "cpu, cuda, cuda:N or auto");
  app.add_option("--threads", options.threads, "of training; 0: all cores");
  app.add_option("--loader-threads", options.loader_threads, "0: half of the cores");
  app.add_flag("--json", options.json, "one JSON object instead of tables");
  CLI11_PARSE(app, argc, argv);
  if (options.threads == 0) options.threads = tributary::CoreCount();
  if (options.loader_threads == 0) options.loader_threads = std::max(1, tributary::CoreCount() / 2);
  const absl::Status status = tributary::Run(options);
  if (!status.ok()) std::fprintf(stderr, "bench_loading: %s\n", status.ToString().c_str());
  return tributary::ExitCodeFor(status);
}
