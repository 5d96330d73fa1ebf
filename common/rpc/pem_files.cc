#include "common/rpc/pem_files.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Bio Memory(const std::string& bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// Answers a request for a passphrase with none: a daemon has nobody to ask.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

absl::StatusOr<Certificate> ParseCertificate(const std::string& path, const std::string& pem) {
  Certificate certificate(PEM_read_bio_X509(Memory(pem).get(), nullptr, nullptr, nullptr));
  // OpenSSL's errors stay queued for the thread, and gRPC would report ours as its own.
  ERR_clear_error();
  if (certificate == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")"));
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the certificate has expired; make a new one"));
  }
  if (X509_cmp_current_time(X509_get0_notBefore(certificate.get())) > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the certificate is not valid yet; check this machine's clock"));
  }
  return certificate;
}

absl::StatusOr<Key> ParseKey(const std::string& path, const std::string& pem) {
  bool asked = false;
  Key key(PEM_read_bio_PrivateKey(Memory(pem).get(), nullptr, NoPassphrase, &asked));
  ERR_clear_error();
  if (asked) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the key is encrypted; give one without a passphrase"));
  }
  if (key == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": holds no private key in PEM form"));
  }
  return key;
}

}  // namespace

absl::StatusOr<PemFiles> ReadPemFiles(const TlsConfig& tls) {
  PemFiles files;
  ASSIGN_OR_RETURN(files.certificate, ReadFile(tls.certificate));
  ASSIGN_OR_RETURN(files.key, ReadFile(tls.key));
  ASSIGN_OR_RETURN(files.authority, ReadFile(tls.authority));
  ASSIGN_OR_RETURN(const Certificate certificate,
                   ParseCertificate(tls.certificate, files.certificate));
  ASSIGN_OR_RETURN(const Key key, ParseKey(tls.key, files.key));
  RETURN_IF_ERROR(ParseCertificate(tls.authority, files.authority).status());
  // Checked here, a wrong pair is reported with its paths; the handshake's error would name no
  // file.
  const bool fits = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!fits) {
    return absl::FailedPreconditionError(
        absl::StrCat(tls.key, ": the key does not fit the certificate ", tls.certificate));
  }
  return files;
}

}  // namespace tributary
