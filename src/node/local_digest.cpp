// SHA-256 of a file of any size, in pieces.
#include <array>
#include <memory>
#include <openssl/evp.h>
#include <span>

#include "node/local_doors.h"
#include "os/clock.h"
#include "os/files.h"

namespace dugong::node {
namespace {

class Sha256 {
 public:
  Sha256() : context_{EVP_MD_CTX_new(), &EVP_MD_CTX_free} {
    ok_ = context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
  }
  void add(std::span<const char> bytes) {
    ok_ = ok_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
  }
  Result<std::string> hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ok_ = ok_ && EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1;
    if (!ok_) return fail(ErrorKind::failed, "OpenSSL cannot compute SHA-256");
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const auto byte : std::span{digest}.first(size)) text += {digits[byte >> 4], digits[byte & 15]};
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  bool ok_ = false;
};

}  // namespace

Result<DigestFile::Answer> FileDoor::answer(const DigestFile& question, const Call& call) {
  return digest_of(call.places.at(question.path), call);
}

Result<DigestFile::Answer> digest_of(const os::Place& place, const Call& call) {
  const auto stat = TRY(os::stat_file(place));
  if (stat.kind == os::FileKind::missing) return DigestFile::Answer{};
  const auto file = TRY(os::open_file(place));
  const os::StopSignal stop{call.stop};
  std::vector<char> piece(std::size_t{1} << 20);
  Sha256 sha;
  DigestFile::Answer answer{true, 0, {}};
  for (;;) {
    // A file can always be read, so waiting for it never meets the deadline.
    if (call.deadline.passed(os::now())) return fail(ErrorKind::timed_out, "the file is too long to be read in time");
    const auto count = TRY(os::read_some(file.get(), piece, call.deadline, stop));
    if (count == 0) break;
    sha.add(std::span{piece}.first(count));
    answer.size += count;
  }
  answer.sha256 = TRY(sha.hex());
  return answer;
}

}  // namespace dugong::node
