// Admission: whether a client that asks to join fits the run. Pure.
#pragma once

#include <optional>
#include <string>

#include "server/registry/run_context.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// The reason why `join` is refused, with what was found, what is expected and what to do; nothing
// if it fits. Checks, in order: protocol version, name, run, dataset and modality, classes, image
// size and channels, samples, vocabulary, public set, codecs.
std::optional<v1::Refusal> CheckJoin(const v1::Join& join, const RunContext& context);

// The reason why a client that says it is ready is refused: the model that it has built is not that
// of `dataset`; nothing if it is.
std::optional<v1::Refusal> CheckReady(const v1::Ready& ready, const std::string& client,
                                      const DatasetContext& dataset);

// The Welcome for a client of `dataset`, apart from its session.
v1::Welcome MakeWelcome(const RunContext& context, const DatasetContext& dataset);

}  // namespace tributary
