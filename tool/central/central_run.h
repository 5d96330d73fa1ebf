// CentralRun: each dataset of a run file trained on all its data in one place, by the federation's
// own code.
//
// A dataset has one model, of the shape and with the initial values (pretrained weights included)
// that the coordinator would give it. It is trained as a client's, on the data of all its clients:
// a round is `local.epochs` epochs with a new optimizer at that round's learning rate, and the next
// goes on with its weights as they are, in float32. It is evaluated as the coordinator does.
// Nothing passes from one dataset to another, so that what a method adds to that (complementary
// layers, control variates, a proximal term, representations) is left out, whatever `method` is.
//
// The folder is that of a run: run.db and checkpoints/, events.jsonl, and at the end models/ and
// result.json, whose method is "central". An interrupted run goes on after its last round, and ends
// in the same bits. Source: docs/algorithm.md section 3.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/round/events.h"

namespace tributary {

struct CentralOptions {
  std::string run;                     // run file
  std::vector<std::string> overrides;  // key=value
  std::string folder;
};

// Trains until all rounds are done, or `stopping` is set (OK as well: a stop is no error). Calls
// `on_event` with each event, one at a time, from any thread. InvalidArgument: the run file.
// NotFound, DataLoss, FailedPrecondition: data, pretrained weights or folder.
absl::Status TrainCentrally(const CentralOptions& options, const EventLog::Subscriber& on_event,
                            const std::atomic<bool>& stopping);

}  // namespace tributary
