// A link to a client that keeps what is sent.
#pragma once

#include <utility>
#include <vector>

#include "server/registry/client_registry.h"

namespace tributary {

class FakeLink : public ClientLink {
 public:
  void Send(v1::ServerMessage message) override { sent.push_back(std::move(message)); }
  void Close() override { closed = true; }

  std::vector<v1::ServerMessage> sent;
  bool closed = false;
};

}  // namespace tributary
