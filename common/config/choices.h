// The words of run files for each choice; one table serves reading and printing.
// The words of methods are in their cards (common/config/method_card.h).
#pragma once

#include <array>

#include "common/config/choice.h"
#include "common/config/codec_choices.h"  // kCodecWords, kModelCodecWords, kDeltaCodecWords
#include "common/config/run_config.h"

namespace tributary {

inline constexpr std::array<Choice<Share>, 4> kShares = {{{"none", Share::kNone},
                                                          {"attn", Share::kAttn},
                                                          {"mlp", Share::kMlp},
                                                          {"blocks", Share::kBlocks}}};
inline constexpr std::array<Choice<Scope>, 4> kScopes = {{{"dataset", Scope::kDataset},
                                                          {"modality", Scope::kModality},
                                                          {"modality_exact", Scope::kModalityExact},
                                                          {"all", Scope::kAll}}};
inline constexpr std::array<Choice<Rule>, 2> kRules = {
    {{"paper", Rule::kPaper}, {"release", Rule::kRelease}}};
inline constexpr std::array<Choice<ProximalRule>, 2> kProximalRules = {
    {{"paper", ProximalRule::kPaper}, {"release", ProximalRule::kRelease}}};
inline constexpr std::array<Choice<Modality>, 3> kModalities = {
    {{"image", Modality::kImage}, {"text", Modality::kText}, {"pair", Modality::kPair}}};
inline constexpr std::array<Choice<ComplementaryLayers>, 4> kComplementaryLayers = {
    {{"none", ComplementaryLayers::kNone},
     {"attn", ComplementaryLayers::kAttn},
     {"mlp", ComplementaryLayers::kMlp},
     {"all", ComplementaryLayers::kAll}}};
inline constexpr std::array<Choice<Packing>, 3> kPackings = {
    {{"auto", Packing::kAuto}, {"always", Packing::kAlways}, {"never", Packing::kNever}}};
inline constexpr std::array<Choice<EvaluationPlace>, 3> kEvaluationPlaces = {
    {{"server", EvaluationPlace::kServer},
     {"clients", EvaluationPlace::kClients},
     {"both", EvaluationPlace::kBoth}}};
inline constexpr std::array<Choice<ServerOptimizer>, 5> kServerOptimizers = {
    {{"none", ServerOptimizer::kNone},
     {"momentum", ServerOptimizer::kMomentum},
     {"adam", ServerOptimizer::kAdam},
     {"yogi", ServerOptimizer::kYogi},
     {"adagrad", ServerOptimizer::kAdagrad}}};
inline constexpr std::array<Choice<ModelSize>, 4> kModelSizes = {{{"toy", ModelSize::kToy},
                                                                  {"tiny", ModelSize::kTiny},
                                                                  {"small", ModelSize::kSmall},
                                                                  {"base", ModelSize::kBase}}};

}  // namespace tributary
