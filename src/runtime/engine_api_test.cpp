#include "runtime/engine_api.h"

#include <gtest/gtest.h>

namespace dugong::runtime {
namespace {

std::string answered(const std::string& text) {
  const auto body = engine_answer(text);
  return body ? *body : "error: " + body.error().what;
}

TEST(EngineApi, ABodyIsWhatComesAfterTheHead) {
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\ncontent-length: 2\r\n\r\n[]"), "[]");
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\n\r\n{}"), "{}");
}

TEST(EngineApi, WhatIsNoWholeAnswerIsNone) {
  for (const auto* text :
       {"", "HTTP/1.0 200 OK\r\n", "SSH-2.0-x\r\n\r\n[]", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: x\r\n\r\n[]"})
    EXPECT_EQ(answered(text).substr(0, 6), "error:") << text;
}

TEST(EngineApi, AnEngineThatSaysNo) {
  EXPECT_EQ(engine_answer("HTTP/1.0 404 Not Found\r\n\r\n{\"message\":\"No such container: x\"}").error().kind,
            ErrorKind::conflict);
  const auto no = engine_answer("HTTP/1.0 400 Bad Request\r\n\r\n{\"message\":\"client version 1.24 is too old\"}\n");
  EXPECT_EQ(no.error().what, "HTTP/1.0 400 Bad Request: {\"message\":\"client version 1.24 is too old\"}");
}

TEST(EngineApi, Ids) {
  EXPECT_EQ(*parse_container_list(R"([{"Id":"0af1","Names":["/x"]},{"Id":"22"}])"),
            (std::vector<std::string>{"0af1", "22"}));
  EXPECT_TRUE(parse_container_list("[]")->empty());
  for (const auto* text : {"", "{}", "[1]", "[{}]", R"([{"Id":1}])", R"([{"Id":"../images"}])", R"([{"Id":""}])"})
    EXPECT_FALSE(parse_container_list(text)) << text;
}

TEST(EngineApi, Questions) {
  EXPECT_EQ(engine_question(container_path("0af1")), "GET /containers/0af1/json HTTP/1.0\r\nHost: docker\r\n\r\n");
  EXPECT_EQ(as_inspect_list({"{}", "{}"}), "[{},{}]");
  EXPECT_EQ(as_inspect_list({}), "[]");
}

}  // namespace
}  // namespace dugong::runtime
