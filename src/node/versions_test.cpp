// Controllers and nodes of different versions, with the programs themselves: `dugong-next` is the same dugong built as
// the version after this one, `dugong-after-next` as the one after that.
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

#include "node/session_kit_test.h"
#include "os/files.h"
#include "os/spawn.h"
#include "wire/protocol.h"

namespace dugong::node {
namespace {

using testkit::soon;

Result<wire::Channel> start(const std::string& program) {
  os::Command command;
  const auto own = os::own_executable().value();
  command.argv = {own.substr(0, own.rfind('/') + 1) + program, "serve"};
  command.in = os::Stdio::pipe;
  return wire::over(TRY(os::spawn(command)));
}

std::unique_ptr<RemoteNode> node_running(const std::string& program) {
  RemoteOptions options;
  options.name = "b";
  options.connect = [program](wire::Purpose) { return start(program); };
  options.ssh.target = "root@b";
  return std::make_unique<RemoteNode>(std::move(options));
}

class VersionsOfNodes : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "serve wants to be root";
    if (std::filesystem::exists("/etc/dugong/node.toml")) GTEST_SKIP() << "this machine is a node";
  }
};

TEST_F(VersionsOfNodes, ANodeThatIsOneAheadIsWorkedWith) {
  auto node = node_running("dugong-next");
  const auto facts = ask(*node, InspectHost{}, soon());
  ASSERT_TRUE(facts) << facts.error().what << facts.error().next;
  EXPECT_EQ(facts->version, "0.2.0");
}

TEST_F(VersionsOfNodes, ANodeThatIsTwoAheadIsRefusedWithTheCommandThatHelps) {
  auto node = node_running("dugong-after-next");
  const auto facts = ask(*node, InspectHost{}, soon());
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().kind, ErrorKind::refused);
  EXPECT_NE(facts.error().what.find("dugong 0.3.0 on b speaks protocol 2–3, dugong " + wire::own_version()),
            std::string::npos)
      << facts.error().what;
  EXPECT_TRUE(facts.error().next.starts_with("upgrade dugong here to 0.3.0: scp root@b:")) << facts.error().next;
}

// The other way round: a controller that speaks these, and this dugong on the node.
Result<wire::Link> greeted_by(std::uint32_t lowest, std::uint32_t highest) {
  testkit::Host host{std::make_shared<testkit::FakeNode>()};
  wire::Identity controller;
  controller.self.protocol_min = lowest;
  controller.self.protocol_max = highest;
  controller.self.version = "9.9.9";
  controller.peer_name = "b";
  return wire::greet(host.connect().value(), controller, testkit::quick());
}

TEST(ControllerVersions, OneAheadWorksAndTwoAheadIsToldToUpgradeTheNode) {
  const auto own = wire::own_protocol();
  const auto near = greeted_by(wire::oldest_protocol(own + 1), own + 1);
  ASSERT_TRUE(near) << near.error().what;
  EXPECT_EQ(near->protocol, own);
  const auto far = greeted_by(wire::oldest_protocol(own + 2), own + 2);
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().kind, ErrorKind::refused);
  EXPECT_EQ(explain_version(far.error(), {"root@b", "", "dugong"}, "b", "/x/dugong").next,
            "upgrade dugong on b to 9.9.9: dugong node upgrade b");
}

}  // namespace
}  // namespace dugong::node
