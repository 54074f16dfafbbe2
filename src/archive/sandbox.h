// A directory with a source and an archive, for tests; gone afterwards.
#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "archive/segment_builder.h"
#include "os/clock.h"

namespace dugong::archive {

class Sandbox : public ::testing::Test {
 protected:
  static constexpr const char* segment = "000000010000000000000030";

  Sandbox() {
    std::filesystem::create_directories(archive());
    write(archive() + "/.system_identifier", "7000000000000000001\n");
    write(source(), SegmentBuilder{}.bytes());
  }
  ~Sandbox() override { std::filesystem::remove_all(root_); }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string source() const { return root_ + "/" + segment; }
  [[nodiscard]] std::string archive() const { return root_ + "/archive"; }
  [[nodiscard]] std::string archived() const { return archive() + "/" + segment; }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
  }
  static std::string read(const std::string& path) {
    if (!std::filesystem::exists(path)) return {};
    std::string bytes(std::filesystem::file_size(path), '\0');
    std::ifstream{path, std::ios::binary}.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }
  [[nodiscard]] std::size_t left_in_staging() const {
    const std::string staging = archive() + "/.push";
    if (!std::filesystem::exists(staging)) return 0;
    const std::filesystem::directory_iterator entries{staging};
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

 private:
  // In memory where that is possible: on a busy disk every fsync takes a tenth of a second.
  static std::filesystem::path parent() {
    const std::filesystem::path memory = "/dev/shm";
    return std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
  }
  std::string root_ = (parent() / ("dugong-archive-" + os::random_token(8))).string();
};

}  // namespace dugong::archive
