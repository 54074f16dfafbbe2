// Every command, once: what it is called, what it says of itself, what it takes, and who does it.
#include "cli/command.h"

namespace dugong::cli {
namespace {

const CommandRow init_row{
    "init",
    "",
    "write a commented cluster file to start from",
    "Never overwrites. The file says of every line what changing it costs; secrets are named in it, not written.",
    "  dugong init --cluster dex\n"
    "  dugong init --cluster dex --out /etc/dugong/dugong.toml\n",
    {Option::cluster, Option::out},
    run_init};

const CommandRow plan_row{
    "plan",
    "",
    "show what `up` would do, and change nothing",
    "Looks at all nodes and prints the numbered steps, the lines that would change in files, and the bytes to be\n"
    "copied. What depends on the outcome of earlier steps is planned when those are done, and says so.",
    "  dugong plan\n"
    "  dugong plan --explain -f dex.toml\n"
    "  dugong plan -o json | jq '.steps[].text'\n",
    {Option::file, Option::explain, Option::output},
    run_plan};

const CommandRow up_row{
    "up",
    "",
    "make the cluster what the file says",
    "Observes, plans, asks, carries out, and observes again until nothing is left to do. Killed anywhere and run\n"
    "again, it goes on where it ended; only a copy that was cut begins anew. Run on a finished cluster, it changes\n"
    "nothing.",
    "  dugong up\n"
    "  dugong up --dry-run\n"
    "  dugong up --yes --progress plain\n",
    {Option::file, Option::yes, Option::dry_run, Option::explain, Option::output, Option::progress},
    run_up};

const CommandRow status_row{
    "status",
    "",
    "role, health, lag, slots and space of every node",
    "A replica that is cut off never shows 0. In one look its lag is an upper bound (≤) or unknown (?); with --watch\n"
    "it is exact. Exit code: 0 healthy, 4 degraded, 1 down; 0 when --watch is ended by Ctrl-C.",
    "  dugong status\n"
    "  dugong status --watch 5\n"
    "  dugong status -o json | jq -r '.nodes[] | [.name, .health] | @tsv'\n",
    {Option::file, Option::watch, Option::output},
    run_status};

const CommandRow verify_row{
    "verify",
    "",
    "prove that the replicas are what they seem, and print the evidence",
    "Writes a row on the primary and reads it everywhere, tries to write on the replicas, compares the content of a\n"
    "closed chunk, tries a replication login that must be refused, switches a WAL segment and compares the archived\n"
    "copy. Its own objects live in the schema dugong_verify. Exit code 3 when anything failed.",
    "  dugong verify\n"
    "  dugong verify --table public.candles --max-chunk 4G\n"
    "  dugong verify -o json | jq '.checks[] | select(.outcome == \"failed\")'\n",
    {Option::file, Option::table, Option::max_chunk, Option::output, Option::progress},
    run_verify};

const CommandRow replica_add_row{
    "replica add",
    "NAME…",
    "bring up only these replicas of the file",
    "As `up`, for the replicas named; the other nodes are looked at and not touched, save for what the new ones need\n"
    "on their upstream (slot, pg_hba.conf line, snapshot). Several are seeded from one snapshot.",
    "  dugong replica add c\n"
    "  dugong replica add c d --yes\n",
    {Option::file, Option::yes, Option::dry_run, Option::explain, Option::output, Option::progress},
    run_replica_add};

const CommandRow down_row{
    "down",
    "[NODE…]",
    "stop the cluster, replicas first, or only these nodes",
    "Stops the servers and keeps everything else. With --destroy it takes away what dugong made, after showing every\n"
    "dataset with its bytes, and only when the cluster's name is given or typed.",
    "  dugong down\n"
    "  dugong down --destroy --dry-run\n"
    "  dugong down c --destroy --confirm=dex\n"
    "  dugong down --destroy --confirm=dex\n",
    {Option::file, Option::yes, Option::dry_run, Option::explain, Option::destroy, Option::confirm, Option::output,
     Option::progress},
    run_down};

const CommandRow serve_row{
    "serve",
    "",
    "the node's side; started by the controller through ssh",
    "Speaks the control protocol on standard input and output, and does what /etc/dugong/node.toml allows. A line\n"
    "`command=\"dugong serve\",restrict` in authorized_keys gives a key that can do only this.",
    "  ssh root@10.0.0.12 dugong serve\n",
    {},
    run_serve};

const CommandRow version_row{"version",        "",         "print the version", "", "  dugong version\n",
                             {Option::output}, run_version};

}  // namespace

const std::vector<CommandRow>& commands() {
  static const std::vector<CommandRow> rows{init_row,        plan_row, up_row,    status_row, verify_row,
                                            replica_add_row, down_row, serve_row, version_row};
  return rows;
}

const CommandRow* find_command(std::string_view name) {
  for (const auto& row : commands())
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace dugong::cli
