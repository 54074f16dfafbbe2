#include <gtest/gtest.h>

#include "runtime/commands.h"

namespace dugong::runtime {
namespace {

ComposeInput input() {
  ComposeInput in;
  in.server.project = "dugong-dex-b";
  in.server.port = 5433;
  in.cluster = "dex";
  in.node = "b";
  in.image = "timescale/timescaledb:2.19.1-pg14";
  in.host = host_paths("/srv/b", "/var/log/b");
  in.inside = server_paths(Kind::compose, in.host, "/var/lib/postgresql/data");
  in.shm_size = "1g";
  in.superuser = "postgres";
  in.database = "ohlcv";
  in.address = "10.0.0.12";
  return in;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Compose, the_whole_file) {
  EXPECT_EQ(render_compose(input()),
            R"(# Written by dugong for node b (10.0.0.12) of cluster dex; changes made here are overwritten.
services:
  postgres:
    container_name: "dugong-dex-b"
    image: "timescale/timescaledb:2.19.1-pg14"
    network_mode: "host"
    shm_size: "1g"
    # A container that Docker starts by itself after a reboot may find an unmounted, empty data directory.
    restart: "no"
    # SIGINT is PostgreSQL's fast shutdown; its checkpoint may take minutes.
    stop_signal: "SIGINT"
    stop_grace_period: "10m"
    labels:
      dugong.cluster: "dex"
      dugong.node: "b"
    healthcheck:
      test: ["CMD", "pg_isready", "-q", "-h", "/var/run/postgresql", "-p", "5433"]
      interval: "10s"
      timeout: "5s"
      retries: 3
      start_period: "1h"
    volumes:
      - type: "bind"
        source: "/srv/b/data"
        target: "/var/lib/postgresql/data"
        read_only: false
      - type: "bind"
        source: "/srv/b/archive"
        target: "/var/lib/postgresql/wal_archive"
        read_only: false
      - type: "bind"
        source: "/var/log/b"
        target: "/var/log/timescaledb"
        read_only: false
      - type: "bind"
        source: "/srv/b/run"
        target: "/var/run/postgresql"
        read_only: false
      - type: "bind"
        source: "/srv/b/secrets"
        target: "/run/dugong"
        read_only: true
      - type: "bind"
        source: "/srv/b/bin"
        target: "/usr/local/lib/dugong"
        read_only: true
)");
}

TEST(Compose, the_first_start_alone_knows_the_password) {
  auto in = input();
  in.first_start = true;
  EXPECT_TRUE(has(render_compose(in), R"(    environment:
      POSTGRES_USER: "postgres"
      POSTGRES_DB: "ohlcv"
      POSTGRES_PASSWORD_FILE: "/run/dugong/superuser.pass"
      # The first start comes before dugong.conf: it must not take 5432.
      PGPORT: "5433"
      # By default the image trusts 127.0.0.1, which with host networking is every user of the host.
      POSTGRES_INITDB_ARGS: "--data-checksums --auth-local=scram-sha-256 --auth-host=scram-sha-256"
)"));
  in.first_start = false;
  EXPECT_FALSE(has(render_compose(in), "environment:"));
  EXPECT_FALSE(has(render_compose(in), "superuser.pass"));
}

TEST(Compose, is_a_function_of_its_input) { EXPECT_EQ(render_compose(input()), render_compose(input())); }

TEST(Compose, takes_no_port_and_no_version) {
  const auto file = render_compose(input());
  EXPECT_FALSE(has(file, "ports:"));
  EXPECT_FALSE(has(file, "version:"));
}

TEST(Compose, quotes_cannot_end_a_value) {
  auto in = input();
  in.database = "a\": x";
  in.first_start = true;
  EXPECT_TRUE(has(render_compose(in), R"(POSTGRES_DB: "a\": x")"));
}

TEST(Compose, a_backslash_stays_one) {
  auto in = input();
  in.database = R"(a\n)";
  in.first_start = true;
  EXPECT_TRUE(has(render_compose(in), R"(POSTGRES_DB: "a\\n")"));
}

TEST(Compose, a_newline_stays_inside_the_value) {
  auto in = input();
  in.database = "a\n    privileged: true";
  in.first_start = true;
  EXPECT_TRUE(has(render_compose(in), R"(POSTGRES_DB: "a\n    privileged: true")"));
}

TEST(Compose, control_characters_are_escaped) {
  auto in = input();
  in.database = "a\x01\x7f\tb";
  in.first_start = true;
  EXPECT_TRUE(has(render_compose(in), R"(POSTGRES_DB: "a\x01\x7f\tb")"));
}

TEST(Compose, a_dollar_is_not_a_variable) {
  auto in = input();
  in.database = "${HOME}$";
  in.first_start = true;
  EXPECT_TRUE(has(render_compose(in), R"(POSTGRES_DB: "$${HOME}$$")"));
}

TEST(Compose, letters_of_the_world_stay_as_they_are) {
  auto in = input();
  in.database = "журнал";
  in.first_start = true;
  EXPECT_TRUE(has(render_compose(in), "POSTGRES_DB: \"журнал\""));
}

TEST(Compose, words_that_yaml_takes_for_something_else_stay_words) {
  auto in = input();
  in.cluster = "no";
  in.node = "1e3";
  EXPECT_TRUE(has(render_compose(in), "dugong.cluster: \"no\""));
  EXPECT_TRUE(has(render_compose(in), "dugong.node: \"1e3\""));
}

TEST(Compose, a_comment_cannot_be_left) {
  auto in = input();
  in.address = "x\nservices: {}";
  EXPECT_TRUE(render_compose(in).starts_with("# Written by dugong for node b (x services: {}) of cluster dex;"));
}

}  // namespace
}  // namespace dugong::runtime
