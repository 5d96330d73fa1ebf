#include "server/registry/client_registry.h"

#include <array>
#include <utility>

#include <openssl/rand.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

// A session is a secret that authorises pulls and pushes. It comes from the system's generator: the
// named streams of a run can be computed by whoever knows the seed.
absl::StatusOr<std::string> NewSession() {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) {
    return absl::InternalError("the system gives no random bytes for a session");
  }
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

// A stream that was replaced may still deliver messages: only the link that serves the name counts.
ClientRegistry::Record* ClientRegistry::Serving(const std::string& name, const ClientLink* link) {
  const auto found = records_.find(name);
  if (found == records_.end() || found->second.link.get() != link) return nullptr;
  return &found->second;
}

void ClientRegistry::Unlink(Record* record) {
  sessions_.erase(record->session);
  record->session.clear();
  record->link.reset();
  record->info.attending = false;
  record->info.progress.reset();
  record->info.absent_since = clock_->Now();
}

absl::StatusOr<std::string> ClientRegistry::Attach(const v1::Join& join, Modality modality,
                                                   std::shared_ptr<ClientLink> link) {
  absl::StatusOr<std::string> session = NewSession();
  if (!session.ok()) return session;
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_->Now();
  Record& record = records_[join.client()];
  if (record.link != nullptr) {
    const absl::Duration silent = now - record.info.last_heard;
    // Two heartbeats: one may be late. A client whose connection broke comes back sooner than the
    // coordinator notices, and must get its name back.
    if (silent < 2 * heartbeat_) {
      return absl::FailedPreconditionError(
          absl::StrCat("name ", join.client(), " is in use by a client that was heard ",
                       absl::FormatDuration(silent), " ago; give each client a --name of its own"));
    }
    record.link->Close();
    Unlink(&record);
  }
  record.info = {.name = join.client(),
                 .dataset = join.data().dataset(),
                 .modality = modality,
                 .samples = join.data().samples(),
                 .test_samples = join.data().test_samples(),
                 .device = join.device(),
                 .software_version = join.software_version(),
                 .data_digest = join.data().digest(),
                 .schema_digest = join.data().schema_digest(),
                 .attending = false,
                 .last_heard = now,
                 .absent_since = now,
                 .progress = std::nullopt};
  record.session = *session;
  record.link = std::move(link);
  sessions_[*session] = join.client();
  return session;
}

bool ClientRegistry::MarkAttending(const std::string& name, const ClientLink* link) {
  absl::MutexLock lock(&mutex_);
  Record* record = Serving(name, link);
  if (record == nullptr) return false;
  record->info.attending = true;
  record->info.last_heard = clock_->Now();
  return true;
}

void ClientRegistry::Heard(const std::string& name, const ClientLink* link,
                           std::optional<v1::Progress> progress) {
  absl::MutexLock lock(&mutex_);
  Record* record = Serving(name, link);
  if (record == nullptr) return;
  record->info.last_heard = clock_->Now();
  record->info.progress = std::move(progress);
}

bool ClientRegistry::Detach(const std::string& name, const ClientLink* link) {
  absl::MutexLock lock(&mutex_);
  Record* record = Serving(name, link);
  if (record == nullptr) return false;
  Unlink(record);
  return true;
}

absl::StatusOr<std::string> ClientRegistry::ClientOfSession(const std::string& session) const {
  absl::MutexLock lock(&mutex_);
  const auto found = sessions_.find(session);
  if (found != sessions_.end()) return found->second;
  return absl::UnauthenticatedError(
      "unknown session: join on an Attend stream first, and use the session of its Welcome");
}

bool ClientRegistry::Send(const std::string& name, v1::ServerMessage message) const {
  // Sent without the lock: a link has one of its own.
  std::shared_ptr<ClientLink> link;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = records_.find(name);
    if (found != records_.end()) link = found->second.link;
  }
  if (link == nullptr) return false;
  link->Send(std::move(message));
  return true;
}

void ClientRegistry::SendToAll(const v1::ServerMessage& message) const {
  std::vector<std::shared_ptr<ClientLink>> links;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, record] : records_) {
      if (record.link != nullptr) links.push_back(record.link);
    }
  }
  for (const auto& link : links) link->Send(message);
}

bool ClientRegistry::Disconnect(const std::string& name, v1::ServerMessage farewell) {
  std::shared_ptr<ClientLink> link;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = records_.find(name);
    if (found == records_.end() || found->second.link == nullptr) return false;
    link = found->second.link;
    Unlink(&found->second);
  }
  link->Send(std::move(farewell));
  link->Close();
  return true;
}

std::vector<std::string> ClientRegistry::DropSilent(absl::Duration liveness) {
  std::vector<std::shared_ptr<ClientLink>> links;
  std::vector<std::string> names;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [name, record] : records_) {
      if (record.link == nullptr || clock_->Now() - record.info.last_heard <= liveness) continue;
      links.push_back(record.link);
      names.push_back(name);
      Unlink(&record);
    }
  }
  for (const auto& link : links) link->Close();
  return names;
}

std::optional<ClientInfo> ClientRegistry::Client(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = records_.find(name);
  if (found == records_.end()) return std::nullopt;
  return found->second.info;
}

std::vector<ClientInfo> ClientRegistry::Clients() const {
  absl::MutexLock lock(&mutex_);
  std::vector<ClientInfo> clients;
  for (const auto& [name, record] : records_) {
    if (!record.info.name.empty()) clients.push_back(record.info);
  }
  return clients;
}

int ClientRegistry::linked() const {
  absl::MutexLock lock(&mutex_);
  int count = 0;
  for (const auto& [name, record] : records_) count += record.link != nullptr ? 1 : 0;
  return count;
}

}  // namespace tributary
