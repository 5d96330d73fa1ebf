// Certificates are made here, so that each can be wrong in one way of its own.
#include "common/rpc/pem_files.h"

#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Key NewKey() { return Key(EVP_EC_gen("P-256")); }

// What `write` writes.
template <typename Write>
std::string Pem(const Write& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(write(bio), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

std::string PemOf(EVP_PKEY* key) {
  return Pem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// A certificate of `key`, signed by itself, valid from `begin` to `end` seconds from now.
std::string CertificateOf(EVP_PKEY* key, long begin = -3600, long end = 3600) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), begin);
  X509_gmtime_adj(X509_getm_notAfter(certificate), end);
  X509_set_pubkey(certificate, key);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  std::string pem = Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
  X509_free(certificate);
  return pem;
}

class PemFilesTest : public testing::Test {
 protected:
  PemFilesTest() {
    Write(tls_.certificate, CertificateOf(key_.get()));
    Write(tls_.key, PemOf(key_.get()));
    Write(tls_.authority, CertificateOf(NewKey().get()));
  }

  static void Write(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  // The error, whose message must begin with `path` and say `words`.
  void ExpectRefused(const std::string& path, const std::string& words) {
    const absl::Status status = ReadPemFiles(tls_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), StartsWith(path + ": "));
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  }

  const ScratchFolder scratch_;
  const Key key_ = NewKey();
  TlsConfig tls_ = {.certificate = scratch_ / "certificate",
                    .key = scratch_ / "key",
                    .authority = scratch_ / "authority"};
};

TEST_F(PemFilesTest, GivesTheFilesAsTheyAre) {
  const std::string chain =
      "what stands before\n" + CertificateOf(key_.get()) + CertificateOf(NewKey().get());
  Write(tls_.certificate, chain);
  const auto files = ReadPemFiles(tls_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->certificate, chain) << "with the certificates between it and the authority";
  EXPECT_EQ(files->key, PemOf(key_.get()));
  EXPECT_THAT(files->authority, StartsWith("-----BEGIN CERTIFICATE-----"));
}

TEST_F(PemFilesTest, KeysOfOtherKindsFitToo) {
  const Key key(EVP_RSA_gen(2048));
  Write(tls_.certificate, CertificateOf(key.get()));
  Write(tls_.key, PemOf(key.get()));
  EXPECT_TRUE(ReadPemFiles(tls_).ok());
}

TEST_F(PemFilesTest, EachMissingFileIsNamed) {
  for (std::string TlsConfig::*member :
       {&TlsConfig::certificate, &TlsConfig::key, &TlsConfig::authority}) {
    const std::string before = tls_.*member;
    tls_.*member = scratch_ / "none";
    const absl::Status status = ReadPemFiles(tls_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << before;
    EXPECT_THAT(std::string(status.message()), HasSubstr(scratch_ / "none"));
    tls_.*member = before;
  }
}

TEST_F(PemFilesTest, AFolderIsNoFile) {
  tls_.key = scratch_.path();
  const absl::Status status = ReadPemFiles(tls_).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("is a folder"));
}

TEST_F(PemFilesTest, FilesThatAreNotPemAreNamed) {
  for (const std::string& rubbish :
       {std::string(), std::string("rubbish"), std::string("\0\xff", 2), PemOf(key_.get())}) {
    Write(tls_.certificate, rubbish);
    ExpectRefused(tls_.certificate, "holds no certificate");
  }
  Write(tls_.certificate, CertificateOf(key_.get()));
  for (const std::string& rubbish :
       {std::string(), std::string("rubbish"), CertificateOf(key_.get())}) {
    Write(tls_.key, rubbish);
    ExpectRefused(tls_.key, "holds no private key");
  }
}

TEST_F(PemFilesTest, ACertificateCutShortIsNone) {
  const std::string whole = CertificateOf(key_.get());
  Write(tls_.certificate, whole.substr(0, whole.size() / 2));
  ExpectRefused(tls_.certificate, "holds no certificate");
}

TEST_F(PemFilesTest, TheAuthorityIsCheckedAsTheCertificateIs) {
  Write(tls_.authority, "rubbish");
  ExpectRefused(tls_.authority, "holds no certificate");
  const Key authority = NewKey();
  Write(tls_.authority, CertificateOf(authority.get(), -7200, -3600));
  ExpectRefused(tls_.authority, "has expired");
  Write(tls_.authority, CertificateOf(authority.get(), 3600, 7200));
  ExpectRefused(tls_.authority, "not valid yet");
}

TEST_F(PemFilesTest, ACertificateIsValidFromItsFirstToItsLastSecond) {
  Write(tls_.certificate, CertificateOf(key_.get(), -7200, -1));
  ExpectRefused(tls_.certificate, "has expired; make a new one");
  Write(tls_.certificate, CertificateOf(key_.get(), 600, 7200));
  ExpectRefused(tls_.certificate, "check this machine's clock");
  Write(tls_.certificate, CertificateOf(key_.get(), -600, 600));
  EXPECT_TRUE(ReadPemFiles(tls_).ok());
}

TEST_F(PemFilesTest, TheKeyOfAnotherCertificateDoesNotFit) {
  Write(tls_.key, PemOf(NewKey().get()));
  ExpectRefused(tls_.key, "does not fit the certificate " + tls_.certificate);
}

TEST_F(PemFilesTest, AKeyBehindAPassphraseIsNotAskedFor) {
  const std::string encrypted = Pem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), EVP_aes_256_cbc(), "secret", 6, nullptr,
                                         nullptr);
  });
  Write(tls_.key, encrypted);
  ExpectRefused(tls_.key, "is encrypted; give one without a passphrase");
}

}  // namespace
}  // namespace tributary
