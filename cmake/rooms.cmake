# How a room of src/ becomes a library and a test program.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
include(cmake/fmt.cmake)
find_package(OpenSSL REQUIRED)
find_package(GTest REQUIRED)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)

option(DUGONG_WERROR "Treat warnings as errors" ON)
set(DUGONG_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined")

add_library(dugong_flags INTERFACE)
target_include_directories(dugong_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(dugong_flags INTERFACE ${DUGONG_FMT_DEFINITIONS} TOML_HEADER_ONLY=1
  DUGONG_VERSION="${PROJECT_VERSION}")
target_compile_options(dugong_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wswitch-enum -Wno-gnu-statement-expression -Wno-missing-field-initializers -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 warns about strings it inlined itself (GCC bugs 105329 and 105651).
  target_compile_options(dugong_flags INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-dangling-pointer -Wno-maybe-uninitialized)
endif()
if(DUGONG_WERROR)
  target_compile_options(dugong_flags INTERFACE -Werror)
endif()
if(DUGONG_SANITIZE)
  target_compile_options(dugong_flags INTERFACE -fsanitize=${DUGONG_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(dugong_flags INTERFACE -fsanitize=${DUGONG_SANITIZE})
endif()
target_link_libraries(dugong_flags INTERFACE Threads::Threads)

# What nearly every file includes, parsed once: half of a small file's compile time. Every file still names its own
# includes; the tidy preset builds without this and would notice one that is missing.
set(DUGONG_COMMON_HEADERS <algorithm> <chrono> <functional> <map> <memory> <optional> <set> <stop_token> <string>
  <string_view> <thread> <variant> <vector> <fmt/format.h>)
add_library(dugong_common OBJECT ${PROJECT_SOURCE_DIR}/cmake/nothing.cpp)
target_link_libraries(dugong_common PRIVATE dugong_flags)
target_precompile_headers(dugong_common PRIVATE ${DUGONG_COMMON_HEADERS})
add_library(dugong_common_test OBJECT ${PROJECT_SOURCE_DIR}/cmake/nothing.cpp)
target_link_libraries(dugong_common_test PRIVATE dugong_flags GTest::gtest)
target_precompile_headers(dugong_common_test PRIVATE ${DUGONG_COMMON_HEADERS} <gtest/gtest.h>)

# dugong_room(NAME [DEPENDS ROOM…] [LIBRARIES TARGET…] [TEST_SHARDS N]): src/NAME/*.cpp → dugong_NAME;
# src/NAME/*_test.cpp → NAME_test.
function(dugong_room name)
  cmake_parse_arguments(ROOM "" "TEST_SHARDS" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB all CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER all EXCLUDE REGEX "_(test|main)\\.cpp$")
  list(TRANSFORM ROOM_DEPENDS PREPEND dugong_)
  if(all)
    add_library(dugong_${name} STATIC ${all})
    target_precompile_headers(dugong_${name} REUSE_FROM dugong_common)
    set(scope PUBLIC)
  else()
    add_library(dugong_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(dugong_${name} ${scope} dugong_flags ${ROOM_DEPENDS} ${ROOM_LIBRARIES})
  if(tests)
    dugong_test(${name}_test SOURCES ${tests} DEPENDS dugong_${name} SHARDS ${ROOM_TEST_SHARDS})
  endif()
endfunction()

# SHARDS N: the program runs as N tests beside each other, for those that take longest. LIMIT: seconds, against a hang.
function(dugong_test name)
  cmake_parse_arguments(TEST "" "SHARDS;LIMIT" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_precompile_headers(${name} REUSE_FROM dugong_common_test)
  target_link_libraries(${name} PRIVATE ${TEST_DEPENDS} GTest::gtest GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  if(NOT TEST_LIMIT)
    set(TEST_LIMIT 120)
    if(DUGONG_SANITIZE)
      set(TEST_LIMIT 1200)
    endif()
  endif()
  if(NOT TEST_SHARDS)
    set(TEST_SHARDS 1)
  endif()
  foreach(shard RANGE 1 ${TEST_SHARDS})
    set(test ${name})
    if(TEST_SHARDS GREATER 1)
      set(test ${name}_${shard})
    endif()
    math(EXPR index "${shard} - 1")
    add_test(NAME ${test} COMMAND ${name} --gtest_brief=1)
    # The most expensive begin first, so that the end does not wait for one alone.
    set_tests_properties(${test} PROPERTIES TIMEOUT ${TEST_LIMIT} COST ${TEST_SHARDS}
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${TEST_SHARDS};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()

function(dugong_program name main)
  cmake_parse_arguments(PROGRAM "" "" "DEPENDS" ${ARGN})
  list(TRANSFORM PROGRAM_DEPENDS PREPEND dugong_)
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE ${PROGRAM_DEPENDS})
endfunction()

# The same program as a later one: only the file that says which one it is differs. The linker takes what the program
# brings itself before it looks into wire's library.
function(dugong_later_program name)
  cmake_parse_arguments(LATER "" "PROTOCOL;VERSION" "" ${ARGN})
  add_library(${name}-identity OBJECT ${PROJECT_SOURCE_DIR}/src/wire/protocol.cpp)
  target_include_directories(${name}-identity PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_definitions(${name}-identity PRIVATE DUGONG_PROTOCOL=${LATER_PROTOCOL} DUGONG_VERSION="${LATER_VERSION}")
  dugong_program(${name} src/main.cpp DEPENDS cli)
  target_sources(${name} PRIVATE $<TARGET_OBJECTS:${name}-identity>)
endfunction()

# Runs inside the database's container, whose libc may be musl or another glibc: it brings everything along.
function(dugong_static_program name main)
  dugong_program(${name} ${main} ${ARGN})
  if(NOT DUGONG_SANITIZE)
    target_link_options(${name} PRIVATE -static)
  endif()
endfunction()
