// A fuzzer's target without a fuzzer: every prefix of each seed, each with its last byte turned, and noise that is the
// same in every run. What --full does at random and at length is done here in every run, by the compiler at hand.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t noises = 2000;
constexpr std::size_t prefixes = 400;

std::size_t count = 0;

// In a buffer of just this size: a sanitizer sees what is read behind its end.
void feed(const std::string& text) {
  const std::vector<std::uint8_t> bytes{text.begin(), text.end()};
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  ++count;
}

void feed_all_of(const std::string& seed) {
  feed(seed);
  const auto step = std::max<std::size_t>(1, seed.size() / prefixes);
  for (std::size_t length = 0; length < seed.size(); length += step) {
    auto part = seed.substr(0, length);
    feed(part);
    if (part.empty()) continue;
    part.back() = static_cast<char>(part.back() ^ 0x55);
    feed(part + seed.substr(length));
  }
}

void feed_noise() {
  std::mt19937 random{20261123};  // NOLINT(bugprone-random-generator-seed): the same in every run
  for (std::size_t i = 0; i < noises; ++i) {
    std::string noise(random() % 600, '\0');
    for (auto& byte : noise) byte = static_cast<char>(random());
    feed(noise);
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
      std::ifstream file{entry.path(), std::ios::binary};
      feed_all_of({std::istreambuf_iterator<char>{file}, {}});
    }
  feed_noise();
  std::cout << count << " inputs\n";
}
