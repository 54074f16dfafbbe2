// Which PostgreSQL settings exist, which of them are dugong's own, and which values would break replication.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec/fields.h"
#include "spec/names.h"
#include "spec/spec.h"

namespace dugong::spec {

// Every setting that a configuration file of PostgreSQL 14 to 18 may hold, sorted, lower case.
const std::vector<std::string_view>& known_settings();
// Settings of TimescaleDB and of the modules that PostgreSQL ships ("timescaledb.license"), sorted.
const std::vector<std::string_view>& known_extension_settings();

// What a number of a setting may be followed by: GUC_UNIT_MEMORY and GUC_UNIT_TIME in guc_tables.c.
enum class Units { none, memory, time };
Units units_of(std::string_view name);

// `name` is lower case. A dotted name is known, or its prefix belongs to no module that known_extension_settings()
// lists.
Verdict judge_setting_name(std::string_view name);
// What PostgreSQL would accept and replication, or the data, would not survive; and a unit that it would not start
// with.
Verdict judge_setting_value(std::string_view name, std::string_view value);

// [postgres.settings] or [postgres.replica_settings]; timescaledb.license without quotes is the same name with them.
Result<std::vector<Setting>> read_settings(const Context& context, const Value& table, std::string_view path);

}  // namespace dugong::spec
