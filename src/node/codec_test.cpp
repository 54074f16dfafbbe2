#include "node/codec.h"

#include <gtest/gtest.h>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "node/fields.h"

namespace dugong::node {
namespace {

using wire_form::Fields;
using wire_form::Listed;

// Fills every member of a value, at every depth, with something that is not its default and differs from all others.
class Filler {
 public:
  template <class T>
  void fill(T& value) {
    if constexpr (Listed<T>) {
      std::apply([&](const auto&... field) { (fill(value.*field.member), ...); }, wire_form::fields<T>());
    } else if constexpr (std::is_same_v<T, bool>) {
      value = !value;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(1);
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(T{20'000} + static_cast<T>(++count_));
    } else {
      fill_one(value);
    }
  }

 private:
  void fill_one(double& value) { value = 0.5 + ++count_; }
  void fill_one(std::string& value) { value = "text " + std::to_string(++count_); }
  void fill_one(Blob& value) { value.bytes = std::string{"\0\xff bytes ", 9} + std::to_string(++count_); }
  void fill_one(Lsn& value) { value.value = ~std::uint64_t{0} - static_cast<std::uint64_t>(++count_); }
  void fill_one(Guid& value) { value.value = ~std::uint64_t{0} - static_cast<std::uint64_t>(++count_); }
  void fill_one(SystemId& value) { value.value = ~std::uint64_t{0} - static_cast<std::uint64_t>(++count_); }
  void fill_one(TimelineId& value) { value.value = ~std::uint32_t{0} - static_cast<std::uint32_t>(++count_); }
  void fill_one(std::map<std::string, std::string>& value) {
    std::string key;
    fill(key);
    fill(value[key]);
  }
  template <class T>
  void fill_one(std::vector<T>& value) {
    value.resize(2);
    for (auto& element : value) fill(element);
  }
  template <class T>
  void fill_one(std::optional<T>& value) {
    fill(value.emplace());
  }
  int count_ = 0;
};

template <class T>
T filled() {
  T value{};
  Filler{}.fill(value);
  return value;
}

// Every member's name and value, seen without the codec.
template <class T>
void compare(const T& a, const T& b, const std::string& at) {
  if constexpr (Listed<T>) {
    std::apply(
        [&](const auto&... field) {
          (compare(a.*field.member, b.*field.member, at + "." + std::string{field.name}), ...);
        },
        wire_form::fields<T>());
  } else if constexpr (requires { a.has_value(); }) {
    ASSERT_EQ(a.has_value(), b.has_value()) << at;
    if (a) compare(*a, *b, at);
  } else if constexpr (requires { a.front(); } && !std::is_same_v<T, std::string>) {
    ASSERT_EQ(a.size(), b.size()) << at;
    for (std::size_t i = 0; i < a.size(); ++i) compare(a[i], b[i], at + "[]");
  } else {
    EXPECT_TRUE(a == b) << at;
  }
}

template <class T, class Variant, class Encode, class Decode>
void round_trip(Encode encode, Decode decode, const std::string& name) {
  const auto value = filled<T>();
  const auto bytes = encode(Variant{value});
  const auto back = decode(bytes);
  ASSERT_TRUE(back.has_value()) << name << ": " << back.error().what;
  const auto* same = std::get_if<T>(&*back);
  ASSERT_NE(same, nullptr) << name;
  compare(value, *same, name);
}

template <class Variant, class Encode, class Decode>
void round_trips(Encode encode, Decode decode) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (round_trip<std::variant_alternative_t<I, Variant>, Variant>(encode, decode, "alternative " + std::to_string(I)),
     ...);
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>{});
}

TEST(Codec, EveryRequestComesBack) { round_trips<Request>(encode_request, decode_request); }
TEST(Codec, EveryAnswerComesBack) { round_trips<Answer>(encode_answer, decode_answer); }
TEST(Codec, EveryStreamComesBack) { round_trips<StreamRequest>(encode_stream, decode_stream); }

template <class Variant>
std::set<std::string_view> names() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::set<std::string_view>{Fields<std::variant_alternative_t<I, Variant>>::name...};
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>{});
}
TEST(Codec, NamesOfRequestsDiffer) { EXPECT_EQ(names<Request>().size(), std::variant_size_v<Request>); }

// The names other versions already use. A line here changes only together with the protocol version.
TEST(Codec, NamesAreStable) {
  EXPECT_EQ(name_of(Request{zfs::Create{}}), "zfs.create");
  EXPECT_EQ(name_of(Request{RunSql{}}), "sql.run");
  EXPECT_EQ(name_of(StreamRequest{zfs::Send{}}), "stream.send");
  EXPECT_EQ(name_of(StreamRequest{zfs::Receive{}}), "stream.receive");
  EXPECT_EQ(encode_request(zfs::Hold{"a@b", "t"}), R"({"body":{"snapshot":"a@b","tag":"t"},"name":"zfs.hold"})");
}

TEST(Codec, MemberCountSeesEveryMember) {
  struct Three {
    int a = 0;
    std::optional<double> b;
    std::vector<std::string> c;
  };
  EXPECT_EQ(wire_form::member_count<Three>(), 3U);
  EXPECT_EQ(wire_form::member_count<Done>(), 0U);
  EXPECT_EQ(wire_form::member_count<WriteFile>(), 5U);
}

// ---- versions

template <class T>
T decoded(std::string_view bytes) {
  auto request = decode_request(bytes);
  EXPECT_TRUE(request.has_value()) << request.error().what;
  return std::get<T>(request.value_or(Request{T{}}));
}
ErrorKind kind_of(std::string_view bytes) {
  auto request = decode_request(bytes);
  return request ? ErrorKind::partial : request.error().kind;
}
std::string message_of(std::string_view bytes) {
  auto request = decode_request(bytes);
  return request ? "" : request.error().where + "|" + request.error().what;
}

TEST(Versions, UnknownFieldsAreIgnored) {
  EXPECT_EQ(decoded<ReadFile>(R"({"name":"file.read","body":{"path":"/a","new":[1,{}]},"more":1})").path, "/a");
}
TEST(Versions, MissingFieldsKeepTheirDefault) {
  EXPECT_EQ(decoded<ReadFile>(R"({"name":"file.read","body":{"path":"/a"}})").limit, 1U << 20);
  EXPECT_EQ(decoded<ReadFile>(R"({"name":"file.read"})").limit, 1U << 20);
}
TEST(Versions, NullKeepsTheDefault) {
  EXPECT_EQ(decoded<ReadFile>(R"({"name":"file.read","body":{"path":null,"limit":null}})").limit, 1U << 20);
}
TEST(Versions, AnUnknownRequestSaysUpgrade) {
  auto request = decode_request(R"({"name":"zfs.levitate","body":{}})");
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().kind, ErrorKind::conflict);
  EXPECT_NE(request.error().what.find("does not know \"zfs.levitate\""), std::string::npos);
  EXPECT_NE(request.error().next.find("upgrade"), std::string::npos);
}
TEST(Versions, AnUnknownAnswerIsAConflict) {
  auto answer = decode_answer(R"({"name":"horoscope","body":{}})");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::conflict);
}
TEST(Versions, AStreamIsNoRequest) { EXPECT_EQ(kind_of(R"({"name":"stream.send"})"), ErrorKind::conflict); }

// ---- what does not fit

TEST(Codec, RefusesWhatIsNotAnObject) {
  for (const char* bytes : {"", "x", "[]", "1", "null", "{", "\xff", R"({"name":)"}) {
    EXPECT_EQ(kind_of(bytes), ErrorKind::failed) << bytes;
  }
}
TEST(Codec, NoNameIsUnknown) { EXPECT_EQ(kind_of("{}"), ErrorKind::conflict); }
TEST(Codec, SaysWhichFieldDoesNotFit) {
  EXPECT_EQ(message_of(R"({"name":"file.read","body":{"path":7}})"),
            "path|the request file.read cannot be read: text wanted, number found");
  EXPECT_EQ(message_of(R"({"name":"sql.run","body":{"target":{"port":65536}}})"),
            "target: port|the request sql.run cannot be read: 65536 is out of range");
}
TEST(Codec, NumbersMustFit) {
  for (const char* port : {"-1", "65536", "1.5", "\"5432\"", "1e3", "99999999999999999999999"}) {
    const auto bytes = std::string{R"({"name":"login.probe","body":{"port":)"} + port + "}}";
    EXPECT_EQ(kind_of(bytes), ErrorKind::failed) << port;
  }
  EXPECT_EQ(decoded<ProbeLogin>(R"({"name":"login.probe","body":{"port":65535}})").port, 65535);
}
TEST(Codec, EnumeratorsTravelByName) {
  EXPECT_EQ(decoded<runtime::InspectSoftware>(R"({"name":"runtime.inspect_software","body":{"kind":"process"}})").kind,
            runtime::Kind::process);
  EXPECT_EQ(kind_of(R"({"name":"runtime.inspect_software","body":{"kind":"balloon"}})"), ErrorKind::failed);
  EXPECT_EQ(kind_of(R"({"name":"runtime.inspect_software","body":{"kind":1}})"), ErrorKind::failed);
}
TEST(Codec, BooleansAreNotNumbers) {
  EXPECT_EQ(kind_of(R"({"name":"zfs.snapshot","body":{"recursive":1}})"), ErrorKind::failed);
}
TEST(Codec, MapsArePairs) {
  EXPECT_EQ(decoded<zfs::Create>(R"({"name":"zfs.create","body":{"properties":[["a","b"]]}})").properties.at("a"), "b");
  EXPECT_EQ(kind_of(R"({"name":"zfs.create","body":{"properties":{"a":"b"}}})"), ErrorKind::failed);
  EXPECT_EQ(kind_of(R"({"name":"zfs.create","body":{"properties":[["a"]]}})"), ErrorKind::failed);
}
TEST(Codec, BrokenBase64IsRefused) {
  EXPECT_EQ(kind_of(R"({"name":"file.write","body":{"content":"%%%"}})"), ErrorKind::failed);
  EXPECT_EQ(kind_of(R"({"name":"file.read","body":{"path":{"b64":"%%%"}}})"), ErrorKind::failed);
}
TEST(Codec, DeepNestingDoesNotHurt) {
  const std::string deep(200'000, '[');
  EXPECT_EQ(kind_of(deep), ErrorKind::failed);
  EXPECT_EQ(decode_request(deep).error().what, "the request cannot be read: its brackets are nested too deep");
  const auto nested = [](std::size_t depth) {  // in a field that nobody knows, below two brackets
    return R"({"name":"file.read","body":{"x":)" + std::string(depth, '[') + std::string(depth, ']') + "}}";
  };
  EXPECT_EQ(kind_of(nested(200'000)), ErrorKind::failed);
  EXPECT_EQ(kind_of(nested(63)), ErrorKind::failed);
  EXPECT_EQ(kind_of(nested(62)), ErrorKind::partial) << "it can be read";
}
TEST(Codec, BracketsInTextAreNoNesting) {
  const std::string path = "/" + std::string(300, '[') + "\\\"" + std::string(300, '{');
  EXPECT_EQ(decoded<ReadFile>(encode_request(ReadFile{path, 1})).path, path);
  std::string wide = R"({"name":"file.read","body":{"x":[)";
  for (int i = 0; i < 300; ++i) wide += "[{}],";
  EXPECT_EQ(kind_of(wide + "0]}}"), ErrorKind::partial);
}

// ---- bytes that JSON does not like

class AnyText : public testing::TestWithParam<std::string> {};
TEST_P(AnyText, Survives) {
  const auto request = decode_request(encode_request(ReadFile{GetParam(), 1}));
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(std::get<ReadFile>(*request).path, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Codec, AnyText,
                         testing::Values("", "/a b", "\"\\\n\t\r\x01\x1f\x7f", std::string{"a\0b", 3}, "ünïcödé 鯨 🐋",
                                         "\xff\xfe", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80",
                                         "half \xe2\x82"));

TEST(Codec, AnyTextInAMapKeySurvives) {
  postgres::DataFacts facts;
  facts.files["p\xfcg.conf"] = "# l\xe4ngst\n";
  const auto answer = decode_answer(encode_answer(facts));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<postgres::DataFacts>(*answer).files, facts.files);
}
TEST(Codec, IdentitiesAreTextOfSixtyFourBits) {
  zfs::Dataset dataset;
  dataset.guid = Guid{18446744073709551615U};
  const auto bytes = encode_answer(std::vector{dataset});
  EXPECT_NE(bytes.find(R"("guid":"18446744073709551615")"), std::string::npos);
}
TEST(Codec, WhatIsNotKnownOfADatasetIsNotZero) {
  zfs::Dataset dataset;
  dataset.name = "tank/a";
  dataset.used_by_dataset = 0;
  dataset.written = 7;
  const auto answer = decode_answer(encode_answer(std::vector{dataset}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<std::vector<zfs::Dataset>>(*answer).at(0), dataset);
  // One that an older version sent.
  const auto older = decode_answer(R"({"name":"datasets","body":[{"name":"tank/a","used":5}]})");
  ASSERT_TRUE(older.has_value()) << older.error().what;
  EXPECT_EQ(std::get<std::vector<zfs::Dataset>>(*older).at(0).used_by_snapshots, std::nullopt);
}
TEST(Codec, WhatIsNotFiniteBecomesTheDefault) {
  RunSql::Answer sql;
  sql.calls = {{postgres::StatementResult{{}, {}, {}, {}, 1.0 / 0.0}}};
  const auto answer = decode_answer(encode_answer(sql));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<RunSql::Answer>(*answer).calls.at(0).at(0).seconds, 0);
}
TEST(Codec, NullsInRowsStayNull) {
  RunSql::Answer sql;
  sql.calls = {{postgres::StatementResult{{"a", "b"}, {{std::nullopt, ""}}, {}, {}, 0}}};
  const auto answer = decode_answer(encode_answer(sql));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<RunSql::Answer>(*answer).calls, sql.calls);
}
TEST(Codec, EveryEnumeratorHasAName) {
  for (auto state : {runtime::ServerState::absent, runtime::ServerState::created, runtime::ServerState::running,
                     runtime::ServerState::exited}) {
    runtime::ServerFacts facts;
    facts.state = state;
    const auto answer = decode_answer(encode_answer(facts));
    EXPECT_EQ(std::get<runtime::ServerFacts>(answer.value()).state, state);
  }
  for (int state = 0; state <= static_cast<int>(postgres::DbState::in_production); ++state) {
    postgres::DataFacts facts;
    facts.control.emplace().state = static_cast<postgres::DbState>(state);
    const auto answer = decode_answer(encode_answer(facts));
    EXPECT_EQ(static_cast<int>(std::get<postgres::DataFacts>(answer.value()).control.value().state), state);
  }
}

}  // namespace
}  // namespace dugong::node
