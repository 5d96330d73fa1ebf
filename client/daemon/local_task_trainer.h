// The daemon's trainer: a LocalTrainer over the client's shard.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/daemon/client_data.h"
#include "client/daemon/task_trainer.h"

namespace tributary {

// The device that `name` ("auto", "cuda", ...) stands for on this machine: "cpu", "cuda:0".
// FailedPrecondition if it is not to be had, InvalidArgument for another word.
absl::StatusOr<std::string> ResolveDevice(const std::string& name);

// Trainers for client `client` on `data`. `threads`: of the computation;
// `loader_threads`: of reading samples beside it; both at least 1.
TrainerFactory LocalTrainers(ClientData data, std::string client, std::string device, int threads,
                             int loader_threads);

}  // namespace tributary
