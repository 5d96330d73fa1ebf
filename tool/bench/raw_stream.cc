#include "tool/bench/raw_stream.h"

#include <algorithm>
#include <memory>

#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/status_proto.h"
#include "tributary/bench/raw_stream.grpc.pb.h"

namespace tributary {
namespace {

constexpr int64_t kChunk = 1 << 20;
constexpr absl::Duration kPatience = absl::Minutes(5);

std::string Noise(int64_t bytes) {
  std::string noise(static_cast<size_t>(bytes), '\0');
  uint64_t state = 1;
  for (char& byte : noise) {
    // Knuth's generator for 64 bits; its high byte is the most random one.
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return noise;
}

class RawService final : public bench::RawStream::Service {
 public:
  RawService(int clients, int64_t bytes)
      : clients_(clients), model_(Noise(std::min(bytes, kMost))) {}

  grpc::Status Await(grpc::ServerContext*, const bench::Nothing*, bench::Nothing*) override {
    absl::MutexLock lock(&mutex_);
    // A barrier. The last one to come starts the clock for all; `turn` tells this round's waiters
    // from the next round's, who may arrive before the slowest of these has woken up.
    const int turn = turn_;
    if (++waiting_ == clients_) {
      waiting_ = 0;
      done_ = 0;
      began_ = absl::Now();
      ++turn_;
      return grpc::Status::OK;
    }
    const auto released = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return turn_ != turn; };
    if (mutex_.AwaitWithTimeout(absl::Condition(&released), kPatience)) return grpc::Status::OK;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "other clients did not come");
  }

  grpc::Status Pull(grpc::ServerContext*, const bench::Size* size,
                    grpc::ServerWriter<bench::Bytes>* writer) override {
    bench::Bytes message;
    const auto bytes = static_cast<int64_t>(size->bytes());
    for (int64_t begin = 0; begin < bytes; begin += kChunk) {
      const int64_t place = begin % static_cast<int64_t>(model_.size());
      const int64_t left = std::min(bytes - begin, static_cast<int64_t>(model_.size()) - place);
      message.set_data(model_.data() + place, static_cast<size_t>(std::min(kChunk, left)));
      if (!writer->Write(message)) break;
    }
    return grpc::Status::OK;
  }

  grpc::Status Push(grpc::ServerContext*, grpc::ServerReader<bench::Bytes>* reader,
                    bench::Size* size) override {
    bench::Bytes message;
    uint64_t bytes = 0;
    while (reader->Read(&message)) bytes += message.data().size();
    size->set_bytes(bytes);
    return grpc::Status::OK;
  }

  grpc::Status Done(grpc::ServerContext*, const bench::Nothing*, bench::Nothing*) override {
    absl::MutexLock lock(&mutex_);
    if (++done_ == clients_) {
      seconds_ = absl::ToDoubleSeconds(absl::Now() - began_);
      ++rounds_done_;
    }
    return grpc::Status::OK;
  }

  // The seconds of round `round`, waited for.
  absl::StatusOr<double> AwaitRound(int round) {
    absl::MutexLock lock(&mutex_);
    const auto done = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return rounds_done_ > round; };
    if (mutex_.AwaitWithTimeout(absl::Condition(&done), kPatience)) return seconds_;
    return absl::UnavailableError(
        absl::StrCat("round ", round, " of the raw streams has not ended"));
  }

 private:
  static constexpr int64_t kMost = 256 << 20;  // a larger model is this one sent repeatedly

  const int clients_;
  const std::string model_;
  absl::Mutex mutex_;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  int done_ ABSL_GUARDED_BY(mutex_) = 0;
  int turn_ ABSL_GUARDED_BY(mutex_) = 0;
  int rounds_done_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time began_ ABSL_GUARDED_BY(mutex_);
  double seconds_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::Status PullAll(bench::RawStream::Stub* stub, int64_t bytes) {
  grpc::ClientContext context;
  bench::Size size;
  size.set_bytes(static_cast<uint64_t>(bytes));
  const auto stream = stub->Pull(&context, size);
  bench::Bytes message;
  int64_t got = 0;
  while (stream->Read(&message)) got += static_cast<int64_t>(message.data().size());
  RETURN_IF_ERROR(FromGrpcStatus(stream->Finish()));
  return got == bytes ? absl::OkStatus() : absl::InternalError("raw stream: bytes are missing");
}

absl::Status PushAll(bench::RawStream::Stub* stub, const std::string& noise, int64_t bytes) {
  grpc::ClientContext context;
  bench::Size size;
  const auto stream = stub->Push(&context, &size);
  bench::Bytes message;
  for (int64_t begin = 0; begin < bytes; begin += kChunk) {
    message.set_data(noise.data(), static_cast<size_t>(std::min(kChunk, bytes - begin)));
    if (!stream->Write(message)) break;
  }
  stream->WritesDone();
  return FromGrpcStatus(stream->Finish());
}

}  // namespace

absl::Status ServeRawStreams(int clients, int rounds, int64_t bytes,
                             const std::function<void(const std::string&)>& on_listening,
                             const std::function<void(double seconds)>& on_round) {
  RawService service(clients, bytes);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return absl::FailedPreconditionError("cannot listen on the loopback");
  on_listening(absl::StrCat("127.0.0.1:", port));
  for (int round = 0; round < rounds; ++round) {
    ASSIGN_OR_RETURN(const double seconds, service.AwaitRound(round));
    on_round(seconds);
  }
  server->Shutdown(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
  return absl::OkStatus();
}

absl::Status RunRawClient(const std::string& address, int rounds, int64_t bytes) {
  const auto stub =
      bench::RawStream::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  const std::string noise = Noise(kChunk);
  for (int round = 0; round < rounds; ++round) {
    bench::Nothing nothing, answer;
    grpc::ClientContext awaiting;
    awaiting.set_wait_for_ready(true);
    RETURN_IF_ERROR(FromGrpcStatus(stub->Await(&awaiting, nothing, &answer)));
    RETURN_IF_ERROR(PullAll(stub.get(), bytes));
    RETURN_IF_ERROR(PushAll(stub.get(), noise, bytes));
    grpc::ClientContext done;
    RETURN_IF_ERROR(FromGrpcStatus(stub->Done(&done, nothing, &answer)));
  }
  return absl::OkStatus();
}

}  // namespace tributary
