#include "node/certificates.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace dugong::node {
namespace {

constexpr std::int64_t now = 1'800'000'000;
constexpr std::int64_t day = std::int64_t{24} * 3600;

// As an agent reads the file: the certificate in it.
std::string certificate_of(const Secret& pem) {
  return pem.reveal().substr(pem.reveal().find("-----BEGIN CERTIFICATE"));
}

class Certificates : public testing::Test {
 protected:
  Authority authority = make_authority("dex", now).value();
  NodeName a{"dex", "a", "10.0.0.11"};
  std::string certificate = certificate_of(issue(authority, a, now).value());

  [[nodiscard]] std::string why(const NodeName& name, std::int64_t when = now) const {
    return why_issue(certificate, authority.certificate, name, when).value_or("it will do");
  }
};

TEST_F(Certificates, OneThatWasIssuedWillDo) { EXPECT_EQ(why(a), "it will do"); }
TEST_F(Certificates, KeyAndCertificateAreInOneText) {
  const auto pem = issue(authority, a, now).value().reveal();
  EXPECT_TRUE(pem.starts_with("-----BEGIN PRIVATE KEY-----")) << pem.substr(0, 40);
  EXPECT_TRUE(pem.ends_with("-----END CERTIFICATE-----\n"));
}
TEST_F(Certificates, WhatElseItIsForIsNoticed) {
  EXPECT_EQ(why({"sky", "a", "10.0.0.11"}), "it is another cluster's");
  EXPECT_EQ(why({"dex", "b", "10.0.0.11"}), "it is another node's");
  EXPECT_EQ(why({"dex", "a", "10.0.0.12"}), "it is for another address");
  EXPECT_EQ(why({"dex", "a", "a.example.org"}), "it is for another address");
}
TEST_F(Certificates, NamesAndBothKindsOfAddresses) {
  for (const char* address : {"10.0.0.11", "fd00::11", "a.example.org", "a-1"}) {
    const NodeName name{"dex", "a", address};
    const auto issued = issue(authority, name, now);
    ASSERT_TRUE(issued) << address << issued.error().what;
    EXPECT_EQ(why_issue(certificate_of(*issued), authority.certificate, name, now), std::nullopt) << address;
  }
  EXPECT_FALSE(issue(authority, {"dex", "a", "10.0.0.11,DNS:b"}, now));
}
TEST_F(Certificates, AnotherAuthorityOfTheSameNameDidNotSignIt) {
  const auto other = make_authority("dex", now).value();
  EXPECT_EQ(why_issue(certificate, other.certificate, a, now), "another authority signed it");
  EXPECT_EQ(why_issue(certificate, "", a, now), "another authority signed it");
}
TEST_F(Certificates, ItLastsTenYearsAndIsRenewedAMonthBefore) {
  EXPECT_EQ(why(a, now + 3600 * day), "it will do");
  EXPECT_EQ(why(a, now + 3640 * day), "it ends within 30 days");
}
TEST_F(Certificates, NoneAndGarbage) {
  EXPECT_EQ(why_issue("", authority.certificate, a, now), "there is none");
  EXPECT_EQ(why_issue("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n", authority.certificate, a, now),
            "it cannot be read");
}

class AuthorityFile : public testing::Test {
 protected:
  AuthorityFile() {
    std::string pattern = testing::TempDir() + "dugong-ca-XXXXXX";
    directory = ::mkdtemp(pattern.data());
    file = directory + "/dex-ca.pem";
  }
  ~AuthorityFile() override { std::filesystem::remove_all(directory); }
  std::string directory, file;
};

TEST_F(AuthorityFile, IsWrittenOnceAndReadBack) {
  EXPECT_FALSE(read_authority(file).value().has_value());
  const auto authority = make_authority("dex", now).value();
  ASSERT_TRUE(write_authority(file, authority));
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(file).permissions()), 0600U);
  const auto read = read_authority(file).value();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->certificate, authority.certificate);
  EXPECT_EQ(read->key, authority.key);
  EXPECT_EQ(write_authority(file, make_authority("dex", now).value()).error().kind, ErrorKind::conflict);
  EXPECT_EQ(read_authority(file).value()->certificate, authority.certificate);
}
TEST_F(AuthorityFile, ThatOthersMayReadIsRefused) {
  ASSERT_TRUE(write_authority(file, make_authority("dex", now).value()));
  std::filesystem::permissions(file, std::filesystem::perms{0640});
  const auto read = read_authority(file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().next, "run: chmod 600 " + file);
}
TEST_F(AuthorityFile, OfSomethingElseIsRefused) {
  const auto one = make_authority("dex", now).value();
  const auto other = make_authority("dex", now).value();
  for (const auto& text : {std::string{"x"}, one.certificate, one.key.reveal(), one.key.reveal() + other.certificate}) {
    std::ofstream{file} << text;
    std::filesystem::permissions(file, std::filesystem::perms{0600});
    const auto read = read_authority(file);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::refused);
  }
}

TEST(Sha256, OfNothingAndOfText) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace dugong::node
