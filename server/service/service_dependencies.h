// What the handlers of a server share.
#pragma once

#include "server/registry/client_registry.h"
#include "server/registry/run_context.h"
#include "server/round/active_round.h"
#include "server/round/coordinator.h"
#include "server/round/events.h"

namespace tributary {

// The pointers outlive every handler.
struct ServiceDependencies {
  const RunContext* context;
  ClientRegistry* registry;
  Coordinator* coordinator;
  const ActiveRound* active;  // the coordinator's
  EventLog* events;           // to be watched
};

}  // namespace tributary
