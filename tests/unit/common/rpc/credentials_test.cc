// Certificates are made by deploy/make-certs.sh, so that the script is tested as well.
#include "common/rpc/credentials.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/rpc/channel.h"
#include "tests/scratch_folder.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

// Two authorities: "ours" with the usual certificates, "theirs" of somebody else.
class CredentialsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new ScratchFolder;
    Make("ours", "--client site-1 --client site-2 --operator olga");
    Make("theirs", "--client site-1");
  }
  static void TearDownTestSuite() { delete scratch_; }

  static void Make(const std::string& authority, const std::string& arguments) {
    const std::string command =
        absl::StrCat(TRIBUTARY_SOURCE_DIR, "/deploy/make-certs.sh --out ", Path(authority), " ",
                     arguments, " > ", Path("log"), " 2>&1");
    ASSERT_EQ(std::system(command.c_str()), 0) << *ReadFile(Path("log"));
  }
  static std::string Path(const std::string& name) { return *scratch_ / name; }
  static TlsConfig Of(const std::string& authority, const std::string& holder) {
    const std::string stem = absl::StrCat(Path(authority), "/", holder);
    return {.certificate = stem + ".crt",
            .key = stem + ".key",
            .authority = Path(authority) + "/ca.crt"};
  }
  // The error of dialling with `tls`.
  static absl::Status Error(const TlsConfig& tls, const std::string& address = "example.org:1") {
    return MakeChannelCredentials(tls, address).status();
  }
  static std::string WriteFile(const std::string& name, const std::string& content) {
    std::ofstream(Path(name)) << content;
    return Path(name);
  }

  static ScratchFolder* scratch_;
};
ScratchFolder* CredentialsTest::scratch_ = nullptr;

// Copies `tls`'s certificate to `to` with another validity, in seconds from now, signed by itself.
void WriteWithValidity(const TlsConfig& tls, const std::string& to, long begin, long end) {
  FILE* file = std::fopen(tls.certificate.c_str(), "r");
  ASSERT_NE(file, nullptr);
  X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  file = std::fopen(tls.key.c_str(), "r");
  ASSERT_NE(file, nullptr);
  EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  X509_gmtime_adj(X509_getm_notBefore(certificate), begin);
  X509_gmtime_adj(X509_getm_notAfter(certificate), end);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  file = std::fopen(to.c_str(), "w");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(PEM_write_X509(file, certificate), 1);
  std::fclose(file);
  EVP_PKEY_free(key);
  X509_free(certificate);
}

// Tells who called, and nothing else.
class WhoCalls : public v1::Federation::Service {
 public:
  grpc::Status AskUpdate(grpc::ServerContext* context, const v1::UpdateQuery*,
                         v1::UpdateState*) override {
    absl::MutexLock lock(&mutex_);
    last_ = IdentityOf(*context->auth_context());
    return grpc::Status::OK;
  }
  PeerIdentity last() const {
    absl::MutexLock lock(&mutex_);
    return last_;
  }

 private:
  mutable absl::Mutex mutex_;
  PeerIdentity last_;
};

class HandshakeTest : public CredentialsTest {
 protected:
  void Listen(const TlsConfig& tls) {
    grpc::ServerBuilder builder;
    const auto credentials = MakeServerCredentials(tls, "127.0.0.1:0");
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    ConfigureConnections(absl::Seconds(20), &builder);
    builder.AddListeningPort("127.0.0.1:0", *credentials, &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  grpc::Status Call(const TlsConfig& tls, const std::string& host = "127.0.0.1") {
    const std::string address = absl::StrCat(host, ":", port_);
    const auto credentials = MakeChannelCredentials(tls, address);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    const auto stub = v1::Federation::NewStub(MakeChannel(address, *credentials));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    v1::UpdateState state;
    return stub->AskUpdate(&context, {}, &state);
  }

  WhoCalls service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

TEST_F(HandshakeTest, BothSidesKnowEachOther) {
  Listen(Of("ours", "coordinator"));
  ASSERT_TRUE(Call(Of("ours", "client-site-1")).ok());
  const PeerIdentity peer = service_.last();
  EXPECT_TRUE(peer.encrypted);
  EXPECT_EQ(peer.role, PeerRole::kClient);
  EXPECT_EQ(peer.name, "site-1");
  ASSERT_TRUE(Call(Of("ours", "operator-olga"), "localhost").ok());
  EXPECT_EQ(service_.last().role, PeerRole::kOperator);
  EXPECT_EQ(service_.last().name, "olga");
}

TEST_F(HandshakeTest, RefusesAClientOfAnotherAuthority) {
  Listen(Of("ours", "coordinator"));
  TlsConfig stranger = Of("theirs", "client-site-1");
  stranger.authority = Of("ours", "coordinator").authority;  // it trusts us, we do not trust it
  EXPECT_EQ(Call(stranger).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HandshakeTest, RefusesPlainText) {
  Listen(Of("ours", "coordinator"));
  EXPECT_EQ(Call(TlsConfig{}).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HandshakeTest, AClientRefusesACoordinatorOfAnotherAuthority) {
  Listen(Of("theirs", "coordinator"));
  EXPECT_EQ(Call(Of("ours", "client-site-1")).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HandshakeTest, AClientsCertificateMakesNoCoordinator) {
  Listen(Of("ours", "client-site-2"));
  EXPECT_EQ(Call(Of("ours", "client-site-1")).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HandshakeTest, PlainTextOnTheLoopbackNamesNobody) {
  Listen(TlsConfig{});
  ASSERT_TRUE(Call(TlsConfig{}).ok());
  EXPECT_FALSE(service_.last().encrypted);
  EXPECT_EQ(service_.last().role, PeerRole::kUnknown);
}

TEST_F(CredentialsTest, PlainTextNeedsTheLoopbackOrToBeAskedForByName) {
  EXPECT_TRUE(Error({}, "127.0.0.1:7700").ok());
  EXPECT_EQ(Error({}, "10.0.0.1:7700").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(
      Error({.certificate = {}, .key = {}, .authority = {}, .insecure = true}, "10.0.0.1:1").ok());
  EXPECT_FALSE(MakeServerCredentials({}, "0.0.0.0:7700").ok());
  EXPECT_FALSE(MakeServerCredentials({}, "[::]:7700").ok());
}

TEST_F(CredentialsTest, SaysWhichFlagIsMissing) {
  TlsConfig tls = Of("ours", "client-site-1");
  tls.key.clear();
  EXPECT_EQ(Error(tls).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("missing: key"));
}

TEST_F(CredentialsTest, RefusesFilesTogetherWithInsecure) {
  TlsConfig tls = Of("ours", "client-site-1");
  tls.insecure = true;
  EXPECT_EQ(Error(tls).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CredentialsTest, NamesAFileThatIsMissing) {
  TlsConfig tls = Of("ours", "client-site-1");
  tls.authority = Path("nowhere.crt");
  EXPECT_EQ(Error(tls).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("nowhere.crt"));
}

TEST_F(CredentialsTest, NamesAFileThatIsNotWhatItShouldBe) {
  const std::string rubbish = WriteFile("rubbish", "-----BEGIN CERTIFICATE-----\nrubbish\n");
  TlsConfig tls = Of("ours", "client-site-1");
  tls.certificate = rubbish;
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("rubbish: holds no certificate"));
  tls = Of("ours", "client-site-1");
  tls.key = tls.certificate;
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("holds no private key"));
  tls = Of("ours", "client-site-1");
  tls.authority = WriteFile("empty", "");
  EXPECT_EQ(Error(tls).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CredentialsTest, RefusesTheKeyOfAnotherCertificate) {
  TlsConfig tls = Of("ours", "client-site-1");
  tls.key = Of("ours", "client-site-2").key;
  EXPECT_EQ(Error(tls).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("does not fit"));
}

TEST_F(CredentialsTest, RefusesAnEncryptedKey) {
  TlsConfig tls = Of("ours", "client-site-1");
  const std::string encrypted = Path("encrypted.key");
  const std::string command = absl::StrCat("openssl pkcs8 -topk8 -passout pass:secret -in ",
                                           tls.key, " -out ", encrypted, " 2> /dev/null");
  ASSERT_EQ(std::system(command.c_str()), 0);
  tls.key = encrypted;
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("is encrypted"));
}

TEST_F(CredentialsTest, RefusesACertificateThatIsNotValidToday) {
  TlsConfig tls = Of("ours", "client-site-1");
  const TlsConfig original = tls;
  tls.certificate = Path("dated.crt");
  WriteWithValidity(original, tls.certificate, -7200, -3600);
  EXPECT_EQ(Error(tls).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("has expired"));
  WriteWithValidity(original, tls.certificate, 3600, 7200);
  EXPECT_THAT(std::string(Error(tls).message()), HasSubstr("not valid yet"));
}

TEST_F(CredentialsTest, TheScriptKeepsWhatIsThere) {
  const std::string before = *ReadFile(Of("ours", "client-site-1").certificate);
  Make("ours", "--client site-1 --client site-9");
  EXPECT_EQ(*ReadFile(Of("ours", "client-site-1").certificate), before);
  EXPECT_TRUE(Error(Of("ours", "client-site-9")).ok());
}

TEST(IsLoopbackTest, KnowsAddressesAndNames) {
  for (const char* address : {"127.0.0.1:1", "127.9.8.7", "localhost:7700", "[::1]:80", "::1",
                              "ipv4:127.0.0.1:5", "dns:///localhost:5"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address : {"0.0.0.0:1", "128.0.0.1:1", "localhost.example.org:1", "[::]:80",
                              "127.example.org:1", "", ":80", "[::1.evil:80"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(IdentityTest, AClientActsUnderItsOwnNameOnly) {
  const PeerIdentity site{.encrypted = true, .role = PeerRole::kClient, .name = "site-1"};
  EXPECT_TRUE(CheckMayActAsClient(site, "site-1").ok());
  const absl::Status other = CheckMayActAsClient(site, "site-2");
  EXPECT_EQ(other.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(other.message()), HasSubstr("site-2"));
}

TEST(IdentityTest, OnlyAnOperatorOperates) {
  PeerIdentity peer{.encrypted = true, .role = PeerRole::kClient, .name = "site-1"};
  EXPECT_EQ(CheckMayOperate(peer).code(), absl::StatusCode::kPermissionDenied);
  peer.role = PeerRole::kOperator;
  EXPECT_TRUE(CheckMayOperate(peer).ok());
  EXPECT_FALSE(CheckMayActAsClient(peer, "site-1").ok());
  peer.role = PeerRole::kUnknown;
  EXPECT_FALSE(CheckMayOperate(peer).ok());
}

// What a handshake would have shown of the peer's certificate.
class ShownUris : public grpc::AuthContext {
 public:
  explicit ShownUris(std::vector<std::string> uris, bool authenticated = true)
      : uris_(std::move(uris)), authenticated_(authenticated) {}

  bool IsPeerAuthenticated() const override { return authenticated_; }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(const std::string& name) const override {
    if (name != "peer_uri") return {};
    return {uris_.begin(), uris_.end()};
  }
  grpc::AuthPropertyIterator begin() const override { return NoProperty(); }
  grpc::AuthPropertyIterator end() const override { return NoProperty(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override { return false; }

 private:
  struct NoProperty : grpc::AuthPropertyIterator {};

  const std::vector<std::string> uris_;
  const bool authenticated_;
};

TEST(IdentityTest, RolesAreThoseOfTheCertificatesName) {
  const std::pair<const char*, PeerRole> cases[] = {
      {"tributary://client/x", PeerRole::kClient},
      {"tributary://operator/x", PeerRole::kOperator},
      {"tributary://coordinator/x", PeerRole::kCoordinator},
      {"tributary://Client/x", PeerRole::kUnknown},
      {"tributary://admin/x", PeerRole::kUnknown}};
  for (const auto& [uri, role] : cases) {
    const PeerIdentity identity = IdentityOf(ShownUris({uri}));
    EXPECT_TRUE(identity.encrypted);
    EXPECT_EQ(identity.role, role) << uri;
    EXPECT_EQ(identity.name, "x") << uri;
  }
}

TEST(IdentityTest, NamesOfOtherSchemesAreNone) {
  for (const char* uri : {"https://client/x", "tributary:client/x", "tributary://client", "",
                          "spiffe://tributary/client/x"}) {
    const PeerIdentity identity = IdentityOf(ShownUris({uri}));
    EXPECT_EQ(identity.role, PeerRole::kUnknown) << uri;
    EXPECT_EQ(identity.name, "") << uri;
  }
  EXPECT_EQ(IdentityOf(ShownUris({})).role, PeerRole::kUnknown);
}

TEST(IdentityTest, TheFirstNameOfOurSchemeCounts) {
  const PeerIdentity identity = IdentityOf(ShownUris(
      {"https://example.org/", "tributary://client/site-1", "tributary://operator/olga"}));
  EXPECT_EQ(identity.role, PeerRole::kClient);
  EXPECT_EQ(identity.name, "site-1");
}

TEST(IdentityTest, ANameMayHoldASlash) {
  EXPECT_EQ(IdentityOf(ShownUris({"tributary://client/a/b"})).name, "a/b");
}

TEST(IdentityTest, ARefusalSaysWhoseTheCertificateIs) {
  const auto message = [](PeerRole role, const std::string& name) {
    const PeerIdentity peer{.encrypted = true, .role = role, .name = name};
    return std::string(CheckMayActAsClient(peer, "site-2").message());
  };
  EXPECT_THAT(message(PeerRole::kClient, "site-1"), HasSubstr("that of client site-1"));
  EXPECT_THAT(message(PeerRole::kOperator, "olga"), HasSubstr("that of operator olga"));
  EXPECT_THAT(message(PeerRole::kCoordinator, "c"), HasSubstr("that of coordinator c"));
  EXPECT_THAT(message(PeerRole::kUnknown, ""), HasSubstr("that of nobody"));
}

TEST(IdentityTest, WithoutTlsThereIsNothingToCheck) {
  EXPECT_TRUE(CheckMayActAsClient({}, "anybody").ok());
  EXPECT_TRUE(CheckMayOperate({}).ok());
}

}  // namespace
}  // namespace tributary
