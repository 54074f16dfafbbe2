#include "node/ssh_share.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

namespace dugong::node {
namespace {

namespace fs = std::filesystem;

TEST(SshShare, Seconds) {
  EXPECT_EQ(share_seconds({}), 60);
  EXPECT_EQ(share_seconds(""), 60);
  EXPECT_EQ(share_seconds("1"), 1);
  EXPECT_EQ(share_seconds("3600"), 3600);
  for (const char* text : {"0", "-1", "3601", "yes", "5s", " 5", "99999999999999"})
    EXPECT_EQ(share_seconds(text), 0) << text;
}

TEST(SshShare, OneSocketPerTargetAndConfiguration) {
  const auto socket = [](const std::string& target, const std::string& config) {
    return share_socket("/run/x", {target, config, "dugong", {}});
  };
  EXPECT_EQ(socket("root@b", ""), socket("root@b", ""));
  EXPECT_NE(socket("root@b", ""), socket("root@c", ""));
  EXPECT_NE(socket("root@b", ""), socket("root@b", "/etc/ssh_config"));
  EXPECT_TRUE(socket("root@b", "").starts_with("/run/x/"));
  EXPECT_EQ(socket("root@b", "").size(), std::string_view{"/run/x/"}.size() + 16);
}

// The directory is below DUGONG_RUN_DIR for root, below XDG_RUNTIME_DIR for others.
class ShareDirectory : public testing::Test {
 protected:
  ShareDirectory() {
    std::string pattern = testing::TempDir() + "dgXXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    use(directory_);
  }
  ~ShareDirectory() override {
    ::unsetenv(variable());
    fs::remove_all(directory_);
  }
  static const char* variable() { return ::geteuid() == 0 ? "DUGONG_RUN_DIR" : "XDG_RUNTIME_DIR"; }
  static void use(const std::string& path) { ::setenv(variable(), path.c_str(), 1); }
  [[nodiscard]] std::string expected() const { return directory_ + (::geteuid() == 0 ? "/ssh" : "/dugong-ssh"); }
  std::string directory_;
};

TEST_F(ShareDirectory, IsOursAlone) {
  EXPECT_EQ(share_directory(), expected());
  EXPECT_EQ(static_cast<unsigned>(fs::status(expected()).permissions()), 0700U);
}
TEST_F(ShareDirectory, ALinkInItsPlaceIsNotFollowed) {
  fs::create_directories(directory_ + "/elsewhere");
  fs::create_symlink(directory_ + "/elsewhere", expected());
  EXPECT_EQ(share_directory(), std::nullopt);
}
TEST_F(ShareDirectory, ANameThatDoesNotFitIsNotUsed) {
  const auto longer = directory_ + "/" + std::string(80, 'x');
  fs::create_directories(longer);
  use(longer);
  EXPECT_EQ(share_directory(), std::nullopt);
  const auto odd = directory_ + "/100%h";
  fs::create_directories(odd);
  use(odd);
  EXPECT_EQ(share_directory(), std::nullopt);
}

}  // namespace
}  // namespace dugong::node
