#include "server/round/client_evaluation.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/evaluation/client_counts.h"
#include "server/round/task_message.h"

namespace tributary {

std::shared_ptr<EvaluationRound> ClientEvaluation::Open(
    const LiveRound& live, const std::map<std::string, PublishedModel>& published,
    std::function<void()> wake) const {
  EvaluationOptions options{
      .round = live.round(),
      .attempt = live.attempt(),
      .deadline = deps_.clock->Now() + deps_.context->config.evaluation.deadline,
      .members = {},
      .downloads = published,
      .events = deps_.events};
  for (const ClientInfo& client : deps_.registry->Clients()) {
    if (!client.attending || client.test_samples == 0) continue;
    options.members.push_back({.client = client.name,
                               .dataset = client.dataset,
                               .classes = deps_.context->datasets.at(client.dataset).spec.classes,
                               .test_samples = static_cast<int64_t>(client.test_samples)});
  }
  return std::make_shared<EvaluationRound>(std::move(options), std::move(wake));
}

void ClientEvaluation::Offer(const EvaluationRound& evaluation, const std::string& client) const {
  v1::ServerMessage message;
  *message.mutable_task() = MakeEvaluationTask(evaluation.round(), evaluation.attempt(),
                                               evaluation.deadline() - deps_.clock->Now());
  deps_.registry->Send(client, std::move(message));
}

void ClientEvaluation::OfferUnacknowledged(const EvaluationRound& evaluation) const {
  for (const std::string& client : evaluation.Unacknowledged()) Offer(evaluation, client);
}

void ClientEvaluation::Close(EvaluationRound* evaluation, RoundRecord* record) const {
  for (const std::string& client : evaluation->Open()) {
    deps_.events->EvaluationFailed(evaluation->round(), client, "it has not reported in time");
    deps_.registry->Send(
        client, MakeCancelTask(evaluation->round(), evaluation->attempt(),
                               absl::StrCat("round ", evaluation->round(), " is evaluated")));
  }
  AddClientMetrics(evaluation->Close(), &record->tasks);
  record->bytes_down += evaluation->bytes_down();
}

}  // namespace tributary
