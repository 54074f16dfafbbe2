// A directory of its own and a LocalNode for tests of the doors; stand-ins for tools are scripts put first in PATH.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "node/local.h"
#include "os/clock.h"
#include "os/env.h"

namespace dugong::node {

class LocalSandbox : public ::testing::Test {
 protected:
  LocalSandbox() {
    std::filesystem::create_directories(root_ + "/bin");
    ::setenv("DUGONG_RUN_DIR", path("run").c_str(), 1);
    ::setenv("DOCKER_CONTEXT", "of-the-sandbox", 1);  // this machine's own engine is not asked
  }
  ~LocalSandbox() override {
    ::unsetenv("DUGONG_RUN_DIR");
    ::unsetenv("DOCKER_CONTEXT");
    if (!old_path_.empty()) ::setenv("PATH", old_path_.c_str(), 1);
    std::filesystem::remove_all(root_);
  }
  LocalSandbox(const LocalSandbox&) = delete;
  LocalSandbox& operator=(const LocalSandbox&) = delete;

  [[nodiscard]] std::string path(const std::string& relative) const { return root_ + "/" + relative; }
  void write(const std::string& relative, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path{path(relative)}.parent_path());
    std::ofstream{path(relative), std::ios::binary | std::ios::trunc} << bytes;
  }
  [[nodiscard]] std::string read(const std::string& relative) const {
    std::ifstream in{path(relative), std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  // `body` sees the sandbox as $S and logs its arguments to $S/calls.
  void tool(const std::string& name, const std::string& body) {
    write("bin/" + name, "#!/bin/sh\nS='" + root_ + "'\necho \"" + name + " $*\" >> $S/calls\n" + body + "\n");
    std::filesystem::permissions(path("bin/" + name), std::filesystem::perms{0755});
    if (old_path_.empty()) {
      old_path_ = os::env("PATH").value_or("/usr/bin:/bin");
      ::setenv("PATH", (root_ + "/bin:" + old_path_).c_str(), 1);
    }
  }
  [[nodiscard]] bool called(const std::string& command) const {
    return ("\n" + read("calls")).find("\n" + command + "\n") != std::string::npos;
  }

  template <class Question>
  Result<typename Question::Answer> ask_it(Question question) {
    return ask(node_, std::move(question), os::deadline_in(Millis{30'000}));
  }
  // "" when it was done, else what, left and next of the error.
  template <class Question>
  std::string failure(Question question) {
    const auto answer = ask_it(std::move(question));
    return answer ? std::string{} : answer.error().what + "|" + answer.error().left + "|" + answer.error().next;
  }
  LocalNode& node() { return node_; }

 private:
  static std::filesystem::path parent() {
    const std::filesystem::path memory = "/dev/shm";
    return std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
  }
  std::string root_ = (parent() / ("dugong-node-" + os::random_token(8))).string();
  std::string old_path_;
  LocalNode node_;
};

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace dugong::node
