// Images, libc, Docker and Compose.
#include "test/support/checks.h"

namespace dugong::report {
namespace {

std::string compose(runtime::Engine engine) {
  Checkup c;
  c.tried.engines["b"] = test::sampled(std::move(engine));
  return c.severity("compose");
}

TEST(CheckRuntime, AnImageSaysAsWhomAndWhere) {
  Checkup c;
  EXPECT_EQ(c.find("image").evidence,
            "timescaledb:17 is sha256:aa, its user 70:70, its PGDATA /var/lib/postgresql/data");
  c.b().software.value.reset();
  c.b().software.error = {ErrorKind::failed, "the image timescaledb:17 is not on this host", "", "",
                          "docker pull timescaledb:17"};
  EXPECT_EQ(c.severity("image"), "critical");
  EXPECT_EQ(c.find("image").remedy, "docker pull timescaledb:17");
  EXPECT_EQ(c.severity("libc"), "unknown");
  c.b().software.error.kind = ErrorKind::timed_out;
  EXPECT_EQ(c.severity("image"), "unknown");
}

TEST(CheckRuntime, ALibcThatSortsOtherwise) {
  Checkup c;
  EXPECT_EQ(c.severity("libc"), "ok");
  c.b().software.value->id = "sha256:bb";
  EXPECT_EQ(c.severity("libc"), "ok");
  c.b().software.value->libc = "musl";
  EXPECT_EQ(c.severity("libc"), "warning");
  EXPECT_TRUE(mentions(c.find("libc").consequence, "indexes"));
  c.b().software.value->libc = "";
  EXPECT_EQ(c.severity("libc"), "unknown");
  c.b().software.value->id = "sha256:aa";
  EXPECT_EQ(c.severity("libc"), "ok") << "the same image has the same libc";
  c.a().software.value.reset();
  EXPECT_EQ(c.severity("libc"), "unknown");
}

TEST(CheckRuntime, Docker) {
  Checkup c;
  EXPECT_EQ(c.find("docker").evidence, "Docker Engine 28.2.2, API 1.24 and newer");
  auto& engine = c.tried.engines["b"];
  engine.value.reset();
  engine.error = {ErrorKind::failed, "docker version: Cannot connect to the Docker daemon", "", "", ""};
  EXPECT_EQ(c.severity("docker"), "critical");
  EXPECT_EQ(c.severity("compose"), "unknown");
  engine.error.kind = ErrorKind::timed_out;
  EXPECT_EQ(c.severity("docker"), "unknown");
  c.tried.engines.erase("b");
  EXPECT_EQ(c.severity("docker"), "unknown");
}

TEST(CheckRuntime, ProcessesNeedNeither) {
  Checkup c;
  c.spec.postgres.runtime = spec::RuntimeKind::process;
  for (const auto* id : {"docker", "compose", "shm-size"}) EXPECT_EQ(c.severity(id), "none") << id;
}

TEST(CheckRuntime, PairsThatAreKnownNotToWork) {
  EXPECT_EQ(compose({"28.2.2", "1.24", "docker compose", "2.29.7", std::nullopt}), "ok");
  EXPECT_EQ(compose({"28.2.2", "1.24", "docker-compose", "1.29.2", std::nullopt}), "warning");
  EXPECT_EQ(compose({"20.10.24", "1.12", "docker-compose", "1.29.2", std::nullopt}), "note");
  EXPECT_EQ(compose({"20.10.24", "1.12", "docker-compose", "1.25.0", std::nullopt}), "critical");
  EXPECT_EQ(compose({"28.2.2", "1.24", "", "", std::nullopt}), "critical");
}

TEST(CheckRuntime, AComposeThatCannotTalkToTheEngine) {
  Checkup c;
  c.tried.engines["b"] =
      test::sampled(runtime::Engine{"24.0.7", "1.12", "docker-compose", "", "Not supported URL scheme http+docker"});
  EXPECT_EQ(c.severity("compose"), "critical");
  EXPECT_TRUE(mentions(c.find("compose").evidence, "http+docker"));
  EXPECT_TRUE(mentions(c.find("compose").remedy, "requests"));
  c.tried.engines["b"].value->refuse = "client version 1.42 is too old. Minimum supported API version is 1.44";
  EXPECT_EQ(c.severity("compose"), "critical");
  EXPECT_TRUE(mentions(c.find("compose").remedy, "compose plugin"));
}

TEST(CheckRuntime, SharedMemoryForParallelQueries) {
  Checkup c;
  EXPECT_EQ(c.severity("shm-size"), "ok");
  c.set("work_mem", "256MB");  // doubled since 15, for a leader and two workers: 1.5 GiB
  EXPECT_EQ(c.severity("shm-size"), "note");
  EXPECT_TRUE(mentions(c.find("shm-size").evidence, "1.5 GiB")) << c.find("shm-size").evidence;
  for (auto& node : c.seen.nodes) node.software.value->version_number = 140018;
  EXPECT_EQ(c.severity("shm-size"), "ok") << "hash_mem_multiplier was 1";
  c.set("hash_mem_multiplier", "many");
  EXPECT_EQ(c.severity("shm-size"), "unknown");
}

}  // namespace
}  // namespace dugong::report
