// Result<T>: how every function that can fail says so.
//
// An Error answers what an operator asks at night: what happened, where, what was left as it is, what to run next.
// The kind decides the exit code and whether a retry makes sense. Callers add where they were with `at()` on the
// way up; the error is printed once, by cli. Exceptions of libraries stop at the room that calls the library.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace dugong {

enum class ErrorKind {
  invalid,      // what the user typed or wrote in a file: exit 2
  refused,      // doing it would be unsafe; a person decides: exit 3
  conflict,     // the world is not what the plan assumed: observe and plan again
  unreachable,  // ssh, tcp, a dead peer: a retry may help
  failed,       // a tool or the system said no: exit 1
  partial,      // some of it was done: exit 4
  timed_out,    // a deadline passed: exit 5
  interrupted,  // cancelled by the user or by a lost peer: exit 1
};

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::failed;
  std::string what;   // one sentence, with the names in it
  std::string where;  // node, dataset, file:line:column; outermost first
  std::string left;   // what was left as it is ("nothing was changed"); may be empty
  std::string next;   // what to run or change; may be empty

  // Puts an outer place in front of the inner one: "b: tank/dex"; a place that is there already is not said twice.
  Error at(std::string_view outer) && {
    if (where == outer || where.starts_with(std::string{outer} + ":")) return std::move(*this);
    where = where.empty() ? std::string{outer} : std::string{outer} + ": " + where;
    return std::move(*this);
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(ErrorKind kind, std::string what, std::string next = {}) {
  return tl::unexpected<Error>{Error{kind, std::move(what), {}, {}, std::move(next)}};
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>{std::move(error)}; }

// The answer of a command that has nothing to say but that it was done.
struct Done {
  friend bool operator==(const Done&, const Done&) = default;
};

namespace detail {
template <class T>
T release(Result<T>&& result) {
  return *std::move(result);
}
inline void release(Result<void>&&) {}
}  // namespace detail

}  // namespace dugong

// TRY(expression): its value, or return its Error from the enclosing function. One TRY per statement.
#define TRY(...)                                                                         \
  (__extension__({                                                                       \
    auto&& dugong_try_result = (__VA_ARGS__);                                            \
    if (!dugong_try_result) return ::dugong::fail(std::move(dugong_try_result).error()); \
    ::dugong::detail::release(std::move(dugong_try_result));                             \
  }))
