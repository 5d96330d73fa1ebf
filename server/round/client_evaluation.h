// ClientEvaluation: the coordinator's part in an evaluation where the data lie: whom it asks, what
// it tells them, and what their counts come to. EvaluationRound is what clients see of it.
//
// Its functions are for the coordinator's own thread, but Offer(), which any thread may call.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "server/registry/client_registry.h"
#include "server/registry/run_context.h"
#include "server/round/evaluation_round.h"
#include "server/round/live_round.h"
#include "server/round/run_events.h"
#include "server/store/round_record.h"

namespace tributary {

class ClientEvaluation {
 public:
  struct Dependencies {
    const RunContext* context;
    ClientRegistry* registry;
    const Clock* clock;
    RunEvents* events;
  };
  // The pointers must outlive this.
  explicit ClientEvaluation(Dependencies dependencies) : deps_(dependencies) {}

  // Of the round's merged globals as they are published, by the clients that attend now and have a
  // test part; nobody has been told yet.
  std::shared_ptr<EvaluationRound> Open(const LiveRound& live,
                                        const std::map<std::string, PublishedModel>& published,
                                        std::function<void()> wake) const;
  // Tells one client, or all that have not acknowledged their task.
  void Offer(const EvaluationRound& evaluation, const std::string& client) const;
  void OfferUnacknowledged(const EvaluationRound& evaluation) const;
  // Ends it: cancels the tasks that are open, and puts what was reported into the record.
  void Close(EvaluationRound* evaluation, RoundRecord* record) const;

 private:
  const Dependencies deps_;
};

}  // namespace tributary
