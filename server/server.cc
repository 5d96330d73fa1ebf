#include "server/server.h"

#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "server/aggregation/plan.h"
#include "server/held_out.h"
#include "server/initial_models.h"
#include "server/method/method_table.h"
#include "server/method/model_hook_table.h"
#include "server/model_cards.h"
#include "server/serve.h"

namespace tributary {

absl::Status RunServer(const ServerOptions& options) {
  ASSIGN_OR_RETURN(RunConfig config, LoadRunConfig(options.run, Methods(), options.overrides));
  if (!options.listen.empty()) config.server.listen = options.listen;
  RETURN_IF_ERROR(CheckAggregation(config.aggregation));
  ASSIGN_OR_RETURN(const HeldOut held_out, OpenHeldOut(config));
  ASSIGN_OR_RETURN(std::shared_ptr<const Samples> public_set, MakePublicSet(config, held_out));
  const MethodHooks hooks = HooksWithModels(config, std::move(public_set));
  ASSIGN_OR_RETURN(RunContext context, ContextOf(config, held_out));
  return Serve({.context = std::move(context),
                .hooks = &hooks,
                .state = options.state,
                .json = options.json,
                .make_initial = MakeInitialModels,
                .make_evaluate = [&](const RunContext& run) -> absl::StatusOr<EvaluateGlobals> {
                  // Here, where the state folder is held: not beside another coordinator's.
                  RETURN_IF_ERROR(WriteModelCards(options.state, run));
                  ASSIGN_OR_RETURN(std::unique_ptr<Evaluator> made, MakeEvaluator(run, held_out));
                  const std::shared_ptr<Evaluator> evaluator = std::move(made);
                  return [evaluator](const std::map<std::string, StateDict>& globals) {
                    return evaluator->EvaluateAll(globals);
                  };
                }});
}

}  // namespace tributary
