// dugong.conf of a node, and the order in which the settings that a hot standby needs may change.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cluster/observed.h"
#include "postgres/conf.h"
#include "postgres/control.h"
#include "spec/spec.h"

namespace dugong::cluster {

// What the file wants for the five hot-standby settings (PostgreSQL's defaults where it says nothing).
// Error invalid, with the place in the file, when one is not a number.
Result<postgres::HotStandbySettings> wanted_hot_standby(const spec::Spec& spec, bool replica);
// What a running server has; none when it shows none.
std::optional<postgres::HotStandbySettings> hot_standby_in_force(const ObservedNode& node);

// What may be set on this node now. Raised on replicas first, lowered on the primary first, and on a replica only when
// its control file shows that it has replayed the primary's lower value: planning again leads from one to the next.
Result<postgres::HotStandbySettings> allowed_hot_standby(const spec::Spec& spec, const Observed& seen,
                                                         const spec::Node& node);

// A replica keeps a higher value only because it has not replayed yet that its primary has the lower one: that comes by
// itself, and planning must go on then.
bool will_be_allowed_less(const spec::Spec& spec, const Observed& seen, const spec::Node& replica);

// Name and value of every line of dugong.conf, in order.
Result<postgres::Assignments> dugong_settings(const spec::Spec& spec, const spec::Node& node,
                                              const runtime::Software& software,
                                              const postgres::HotStandbySettings& hot_standby);
// Whether PostgreSQL has this value of its own accord, of those that dugong_settings() puts there unasked
// (guc_tables.c).
bool is_boot_value(std::string_view name, std::string_view value);

Result<std::string> render_dugong_conf(const postgres::Assignments& settings);

// What pg_settings shows of a line of dugong.conf; PostgreSQL spells some names otherwise ("TimeZone"). nullptr:
// nothing.
const postgres::ShownSetting* shown_setting(const postgres::ServerSql& sql, std::string_view name);
// What our own connection sets for itself hides the file's line from us, and only from us.
bool is_of_our_session(const postgres::ShownSetting& shown);
// So does ALTER ROLE or ALTER DATABASE: the login that we look through has it, and others need not.
bool is_of_a_login(const postgres::ShownSetting& shown);
// A setting that only a restart changes keeps its old source when the file gives it the value that it has anyway
// (guc.c: set_config_option); these sources are all weaker than a file.
bool has_the_value_anyway(const postgres::ShownSetting& shown);

// Whether the server has read its configuration files as they are; needs the samples host, data and sql.
enum class ConfRead {
  yes,
  no,           // a controller died between writing and reloading
  dated_ahead,  // by a clock that was ahead of what it shows now: no reload makes them look read
};
ConfRead conf_read(const ObservedNode& node);

// What postgresql.auto.conf of a standby gets from us.
postgres::Assignments standby_settings(const spec::Spec& spec, const spec::Node& node,
                                       const runtime::Software& software);

}  // namespace dugong::cluster
