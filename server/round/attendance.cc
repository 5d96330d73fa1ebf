#include "server/round/attendance.h"

#include <algorithm>
#include <map>
#include <string>

#include "server/round/sampler.h"

namespace tributary {

Attendance AttendanceOf(absl::Span<const ClientInfo> known, const RunContext& context) {
  Attendance attendance{
      .expected = context.ExpectedClients(), .attending = 0, .every_dataset = true};
  std::map<std::string, int> attending;
  for (const ClientInfo& client : known) {
    if (!client.attending) continue;
    ++attendance.attending;
    ++attending[client.dataset];
  }
  for (const auto& [name, dataset] : context.datasets) {
    attendance.every_dataset &= attending[name] > 0;
  }
  return attendance;
}

std::vector<CohortMember> SampleMembers(absl::Span<const ClientInfo> known, const RunConfig& config,
                                        int round, int attempt) {
  std::map<std::string, std::vector<std::string>> groups;
  std::map<std::string, CohortMember> members;
  for (const ClientInfo& client : known) {
    if (!client.attending) continue;
    groups[client.dataset].push_back(client.name);
    members[client.name] = {client.name, client.dataset, client.modality, client.samples};
  }
  std::vector<CohortMember> cohort;
  for (const std::string& name :
       SampleCohort(groups, config.round.fraction, config.seed, round, attempt)) {
    cohort.push_back(members.at(name));
  }
  std::sort(cohort.begin(), cohort.end(),
            [](const CohortMember& a, const CohortMember& b) { return a.client < b.client; });
  return cohort;
}

}  // namespace tributary
