// CreamFL's terms one by one: golden/creamfl, and the pair client's of golden/creamfl_round.
#include <algorithm>

#include <ATen/TensorOperators.h>

#include "absl/strings/str_cat.h"
#include "common/train/representations.h"
#include "tests/golden/golden_model.h"

namespace tributary {
namespace {

constexpr double kTolerance = 1e-5;

at::Tensor Leaf(const at::Tensor& tensor) { return tensor.clone().set_requires_grad(true); }

// "PREFIX0", "PREFIX1", ... for as long as there are such tensors.
std::vector<at::Tensor> Series(const std::map<std::string, at::Tensor>& io,
                               const std::string& prefix) {
  std::vector<at::Tensor> series;
  while (true) {
    const auto found = io.find(absl::StrCat(prefix, series.size()));
    if (found == io.end()) return series;
    series.push_back(found->second);
  }
}

TEST(GoldenCreamFl, EnsembleOfClientsRepresentations) {
  const int64_t samples = GoldenJson("creamfl/case.json").at("public");
  const auto io = GoldenTensors("creamfl/io.safetensors");
  for (const std::string part : {"image", "text"}) {
    EXPECT_EQ(io.at("global_" + part).size(0), samples);
    const std::vector<at::Tensor> clients = Series(io, absl::StrCat("client_", part, "."));
    ASSERT_FALSE(clients.empty());
    EXPECT_EQ(std::count_if(io.begin(), io.end(),
                            [&](const auto& entry) {
                              return absl::StartsWith(entry.first, absl::StrCat("client_", part));
                            }),
              static_cast<int64_t>(clients.size()))
        << "clients are not numbered from 0 on";
    const at::Tensor weights =
        RepresentationWeights(clients, io.at(part == "image" ? "global_text" : "global_image"));
    ExpectNear(part, Values(weights), Values(io.at("weight_" + part)), kTolerance);
    ExpectNear(part, Values(EnsembleOf(clients, weights)), Values(io.at("aggregated_" + part)),
               kTolerance);
  }
}

TEST(GoldenCreamFl, LocalTermsAndTheirGradient) {
  const nlohmann::ordered_json golden = GoldenJson("creamfl/case.json");
  ExpectKnownKeys(golden, {"public", "temperature", "kd_weight", "clip_grad_norm"});
  EXPECT_EQ(golden.at("clip_grad_norm"), kContrastClipNorm);
  const double temperature = golden.at("temperature");
  const auto io = GoldenTensors("creamfl/io.safetensors");
  const at::Tensor& rows = io.at("batch_index");
  for (const std::string part : {"image", "text"}) {
    const std::string local = absl::StrCat("local_", part, ".");
    const at::Tensor feature = Leaf(io.at(local + "feature"));
    const at::Tensor inter = InterLoss(
        feature, rows, io.at(part == "image" ? "global_text" : "global_image"), temperature);
    const at::Tensor intra = IntraLoss(feature, io.at("global_" + part).index_select(0, rows),
                                       io.at(local + "old_feature"), temperature);
    (inter + intra).backward();
    ExpectNear(local, Values(inter), Values(io.at(local + "loss_inter")), kTolerance);
    ExpectNear(local, Values(intra), Values(io.at(local + "loss_intra")), kTolerance);
    ExpectNear(local, Values(feature.grad()), Values(io.at(local + "grad")), kTolerance);
  }
}

TEST(GoldenCreamFl, DistillationAndItsGradient) {
  const double weight = GoldenJson("creamfl/case.json").at("kd_weight");
  const auto io = GoldenTensors("creamfl/io.safetensors");
  const at::Tensor& rows = io.at("batch_index");
  const at::Tensor image = Leaf(io.at("kd.image")), text = Leaf(io.at("kd.text"));
  const at::Tensor loss =
      weight * (DistillationLoss(image, io.at("aggregated_image").index_select(0, rows)) +
                DistillationLoss(text, io.at("aggregated_text").index_select(0, rows)));
  loss.backward();
  ExpectNear("loss", Values(loss), Values(io.at("kd.loss")), kTolerance);
  ExpectNear("image", Values(image.grad()), Values(io.at("kd.grad_image")), kTolerance);
  ExpectNear("text", Values(text.grad()), Values(io.at("kd.grad_text")), kTolerance);
}

}  // namespace
}  // namespace tributary
