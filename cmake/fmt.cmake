# {fmt} without its shared library: compiled into dugong_base where its explicit instances are known (9 and 10: Debian 12 and
# 13), header-only elsewhere. See src/base/fmt_instances.cpp.
find_package(fmt REQUIRED)
if(fmt_VERSION VERSION_LESS 11)
  set(DUGONG_FMT_DEFINITIONS "")
else()
  set(DUGONG_FMT_DEFINITIONS FMT_HEADER_ONLY)
endif()
