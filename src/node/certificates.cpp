#include "node/certificates.h"

#include <array>
#include <fmt/format.h>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "os/files.h"

namespace dugong::node {
namespace {

constexpr std::int64_t hour = 3600;
constexpr std::int64_t day = 24 * hour;
constexpr std::int64_t ten_years = 3652 * day;
constexpr std::int64_t renew_before = 30 * day;

template <auto release>
struct Release {
  template <class T>
  void operator()(T* value) const {
    release(value);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Memory = std::unique_ptr<BIO, Release<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>>;

tl::unexpected<Error> refused_by_openssl(std::string_view what) {
  std::array<char, 256> words{};
  ERR_error_string_n(ERR_get_error(), words.data(), words.size());
  ERR_clear_error();
  return fail(ErrorKind::failed, fmt::format("{}: OpenSSL said {}", what, words.data()));
}

std::string text_of(const Memory& memory) {
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Certificate certificate_in(std::string_view pem) {
  const Memory memory{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  Certificate found{PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr)};
  ERR_clear_error();
  return found;
}

Key key_in(const Secret& pem) {
  const auto& text = pem.reveal();
  const Memory memory{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  Key found{PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr)};
  ERR_clear_error();
  return found;
}

std::string to_pem(const Certificate& certificate) {
  const Memory memory{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(memory.get(), certificate.get());
  return text_of(memory);
}

Secret to_pem(const Key& key) {
  const Memory memory{BIO_new(BIO_s_mem())};
  PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return Secret{text_of(memory)};
}

Result<> add_name(X509_NAME* name, const char* field, const std::string& value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
  if (X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes, static_cast<int>(value.size()), -1, 0) == 1)
    return {};
  return refused_by_openssl("a name for the certificate");
}

Result<> add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension{X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
  if (extension && X509_add_ext(certificate, extension.get(), -1) == 1) return {};
  return refused_by_openssl("an extension of the certificate");
}

// Positive, and never twice: 127 random bits (RFC 5280, 4.1.2.2).
Result<> set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return refused_by_openssl("a serial number");
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7fU) | 0x40U);
  const std::unique_ptr<BIGNUM, Release<BN_free>> number{
      BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)};
  if (number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr) return {};
  return refused_by_openssl("a serial number");
}

Result<Certificate> begin(const std::string& cluster, const std::string& common_name, std::int64_t from,
                          std::int64_t until, const Key& key) {
  Certificate made{X509_new()};
  if (!made || X509_set_version(made.get(), X509_VERSION_3) != 1) return refused_by_openssl("a certificate");
  TRY(set_serial(made.get()));
  ASN1_TIME_set(X509_getm_notBefore(made.get()), from);
  ASN1_TIME_set(X509_getm_notAfter(made.get()), until);
  auto* subject = X509_get_subject_name(made.get());
  TRY(add_name(subject, "O", cluster));
  TRY(add_name(subject, "CN", common_name));
  if (X509_set_pubkey(made.get(), key.get()) != 1) return refused_by_openssl("the key of a certificate");
  return made;
}

Result<> sign(X509* certificate, const Key& key) {
  if (X509_sign(certificate, key.get(), EVP_sha256()) > 0) return {};
  return refused_by_openssl("signing a certificate");
}

Result<Key> make_key() {
  Key key{EVP_EC_gen("P-256")};
  if (!key) return refused_by_openssl("making a key");
  return key;
}

// "10.0.0.1" and "fe80::1" are addresses, anything else is a name.
bool is_address(const std::string& text) {
  const std::unique_ptr<ASN1_OCTET_STRING, Release<ASN1_OCTET_STRING_free>> parsed{a2i_IPADDRESS(text.c_str())};
  ERR_clear_error();
  return parsed != nullptr;
}

// It becomes part of OpenSSL's own little language.
Result<> check_address(const std::string& text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return {};
  return fail(ErrorKind::invalid, fmt::format("\"{}\" is no address for a certificate", printable(text)));
}

bool lasts_until(const X509* certificate, std::int64_t when) {
  std::time_t time = when;
  return X509_cmp_time(X509_get0_notAfter(certificate), &time) > 0;
}

std::string subject_part(const X509* certificate, int kind) {
  auto* name = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(name, kind, -1);
  if (index < 0) return {};
  const auto* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

bool is_for(X509* certificate, const std::string& address) {
  if (is_address(address)) return X509_check_ip_asc(certificate, address.c_str(), 0) == 1;
  return X509_check_host(certificate, address.c_str(), address.size(), 0, nullptr) == 1;
}

}  // namespace

Result<Authority> make_authority(const std::string& cluster, std::int64_t now) {
  const auto key = TRY(make_key());
  auto made = TRY(begin(cluster, "dugong " + cluster, now - hour, now + ten_years, key));
  X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
  TRY(add_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  TRY(add_extension(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  TRY(add_extension(made.get(), made.get(), NID_subject_key_identifier, "hash"));
  TRY(sign(made.get(), key));
  return Authority{to_pem(made), to_pem(key)};
}

Result<Secret> issue(const Authority& authority, const NodeName& name, std::int64_t now) {
  const auto signer = certificate_in(authority.certificate);
  const auto signing_key = key_in(authority.key);
  if (!signer || !signing_key) return fail(ErrorKind::failed, "the cluster's authority cannot be read");
  TRY(check_address(name.address));
  std::tm end{};
  ASN1_TIME_to_tm(X509_get0_notAfter(signer.get()), &end);
  const auto key = TRY(make_key());
  auto made = TRY(begin(name.cluster, name.node, now - hour, ::timegm(&end), key));
  X509_set_issuer_name(made.get(), X509_get_subject_name(signer.get()));
  const auto kind = is_address(name.address) ? "IP:" : "DNS:";
  TRY(add_extension(made.get(), signer.get(), NID_basic_constraints, "critical,CA:FALSE"));
  TRY(add_extension(made.get(), signer.get(), NID_key_usage, "critical,digitalSignature"));
  TRY(add_extension(made.get(), signer.get(), NID_ext_key_usage, "serverAuth,clientAuth"));
  TRY(add_extension(made.get(), signer.get(), NID_subject_alt_name, kind + name.address));
  TRY(add_extension(made.get(), signer.get(), NID_authority_key_identifier, "keyid"));
  TRY(sign(made.get(), signing_key));
  return Secret{to_pem(key).reveal() + to_pem(made)};
}

std::optional<std::string> why_issue(std::string_view certificate, std::string_view authority, const NodeName& name,
                                     std::int64_t now) {
  if (certificate.empty()) return "there is none";
  const auto one = certificate_in(certificate);
  if (!one) return "it cannot be read";
  const auto signer = certificate_in(authority);
  if (!signer || X509_verify(one.get(), X509_get0_pubkey(signer.get())) != 1) {
    ERR_clear_error();
    return "another authority signed it";
  }
  if (subject_part(one.get(), NID_organizationName) != name.cluster) return "it is another cluster's";
  if (subject_part(one.get(), NID_commonName) != name.node) return "it is another node's";
  if (!is_for(one.get(), name.address)) return "it is for another address";
  if (!lasts_until(one.get(), now + renew_before)) return "it ends within 30 days";
  return std::nullopt;
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string text;
  for (const auto byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

Result<std::optional<Authority>> read_authority(const std::string& file) {
  const auto content = TRY(os::read_file(file));
  const auto refused = [&](std::string what, std::string next) {
    return fail(Error{ErrorKind::refused, std::move(what), file, "nothing was changed", std::move(next)});
  };
  if (content.stat.kind == os::FileKind::missing) return std::optional<Authority>{};
  if ((content.stat.mode & 077U) != 0)
    return refused("others may read the key of the cluster's authority", fmt::format("run: chmod 600 {}", file));
  const auto certificate = certificate_in(content.bytes);
  const auto key = key_in(Secret{content.bytes});
  const bool whole = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!whole)
    return refused("this is no key with its certificate",
                   "bring the right file back, or move it away: all nodes then get new certificates");
  return std::optional{Authority{to_pem(certificate), to_pem(key)}};
}

Result<> write_authority(const std::string& file, const Authority& authority) {
  const auto written = TRY(
      os::write_new_file(file, authority.key.reveal() + authority.certificate, {.mode = 0600, .uid = {}, .gid = {}}));
  if (written == os::Written::created) return {};
  return fail(ErrorKind::conflict, file + " is there by now", "run the same command again");
}

}  // namespace dugong::node
