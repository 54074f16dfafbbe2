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
    "nothing. A database that the file adopts is taken over in place: the plan shows what differs from how it runs "
    "now,\n"
    "and each is agreed to by itself, without a terminal by --adopt.",
    "  dugong up\n"
    "  dugong up --dry-run\n"
    "  dugong up --yes --progress plain\n"
    "  dugong up --yes --adopt\n",
    {Option::file, Option::yes, Option::adopt, Option::dry_run, Option::explain, Option::output, Option::progress},
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

const CommandRow space_row{
    "space",
    "[NODE…]",
    "what takes of each node's pool, what bases pin, and what could be freed",
    "Of each node the parts of its pool, largest first: live data, bases, anchors, asides, the archive, and what is "
    "not\n"
    "this node's. Then what bases pin against `base_budget`, when the pool is full at that rate, and what could be\n"
    "freed, with the command. Changes nothing. Exit code 4 when a node or its pool cannot be seen.",
    "  dugong space\n"
    "  dugong space a\n"
    "  dugong space -o json | jq '.nodes[] | {name, pinned: .base_budget.pinned_bytes}'\n",
    {Option::file, Option::output},
    run_space};

const CommandRow check_row{"check",
                           "[NODE…]",
                           "what stands in the way of the cluster, before anybody runs into it",
                           "Looks at all nodes at once and changes nothing; before the first `up` as well as later. "
                           "Each finding says what was\n"
                           "seen, what follows from it and what to do; docs/check.md lists them. Exit code: 3 when "
                           "something is critical, 4 when\n"
                           "a node could not be reached, else 0; with --nagios 0 ok, 1 warning, 2 critical, 3 unknown.",
                           "  dugong check\n"
                           "  dugong check b -o json | jq '.findings[] | select(.severity == \"critical\")'\n"
                           "  dugong check --nagios\n",
                           {Option::file, Option::output, Option::nagios},
                           run_check};

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
    {Option::file, Option::yes, Option::adopt, Option::dry_run, Option::explain, Option::output, Option::progress},
    run_replica_add};

const CommandRow down_row{
    "down",
    "[NODE…]",
    "stop the cluster, replicas first, or only these nodes",
    "Stops the servers and keeps everything else. With --destroy it takes away what dugong made, after showing every\n"
    "dataset with its bytes, and only when the cluster's name is given or typed. An adopted dataset is\n"
    "never destroyed: it is given back, and so is the old way of starting its server.",
    "  dugong down\n"
    "  dugong down --destroy --dry-run\n"
    "  dugong down c --destroy --confirm=dex\n"
    "  dugong down --destroy --confirm=dex\n",
    {Option::file, Option::yes, Option::dry_run, Option::explain, Option::destroy, Option::confirm, Option::output,
     Option::progress},
    run_down};

const CommandRow fence_row{
    "fence",
    "NODE",
    "stop a node's server and keep it from being started, whoever tries",
    "Marks the node, stops the server, removes the container, and unmounts the data so that it cannot be mounted: no\n"
    "reboot, `docker start`, `docker compose up` or `pg_ctl start` brings it back. Nothing is destroyed. Works while\n"
    "the other nodes are down.",
    "  dugong fence a\n"
    "  dugong fence a --dry-run\n",
    {Option::file, Option::yes, Option::dry_run, Option::explain, Option::output, Option::progress},
    run_fence};

const CommandRow unfence_row{
    "unfence",
    "NODE",
    "take a node's fence away; the server stays stopped until `up`",
    "Refused for a former primary while another node leads: its data must not take writes any more.",
    "  dugong unfence a\n"
    "  dugong unfence a --dry-run\n",
    {Option::file, Option::yes, Option::dry_run, Option::explain, Option::output, Option::progress},
    run_unfence};

const CommandRow node_start_row{
    "node start",
    "[CLUSTER.NODE…]",
    "on a node, after a reboot: start the servers that may run",
    "What systemd runs at boot; nothing else starts a server then. Looks at the pool, the dataset and what is in it; "
    "asks\n"
    "the other nodes before it starts one that was the primary; leaves down what is fenced. Exit code: 0 all run,\n"
    "3 refused for good, 5 not yet: to be tried again. The outcome is left in /var/lib/dugong/metrics too.",
    "  dugong node start\n"
    "  dugong node start dex.a --without=c\n",
    {Option::without},
    run_node_start};

const CommandRow node_install_row{
    "node install",
    "HOST…",
    "put dugong on a host: programs, start at boot, node.toml, certificates, key",
    "HOST is a node's name, or what ssh takes; one login there as root, or as a user with `sudo -n`. Shows what is "
    "put\n"
    "where and asks. All files of a host take their names together or not at all, and only after `dugong --version` "
    "ran\n"
    "there. An existing node.toml is left alone, and what it lacks is shown. Run again, it does what is missing.",
    "  dugong node install a b c\n"
    "  dugong node install root@10.0.0.14 --dry-run\n"
    "  dugong node install b --key ~/.ssh/dugong.pub --yes\n",
    {Option::file, Option::yes, Option::dry_run, Option::key, Option::ca_dir, Option::force_config, Option::output},
    run_node_install};

const CommandRow node_upgrade_row{"node upgrade",
                                  "HOST…",
                                  "replace the programs of dugong on a host by this one",
                                  "The former dugong stays as dugong.previous. No server is restarted; sessions that "
                                  "run go on with the program that\n"
                                  "they began with.",
                                  "  dugong node upgrade a b c\n"
                                  "  dugong node upgrade b --yes\n",
                                  {Option::file, Option::yes, Option::dry_run, Option::output},
                                  run_node_upgrade};

const CommandRow node_remove_row{"node remove",
                                 "HOST…",
                                 "take dugong off a host; data stays",
                                 "Programs, units, the lines of its keys and the certificates of the cluster go; "
                                 "node.toml, datasets, directories and\n"
                                 "servers stay. Refused while dugong is at work there.",
                                 "  dugong node remove c --dry-run\n"
                                 "  dugong node remove c --yes\n",
                                 {Option::file, Option::yes, Option::dry_run, Option::output},
                                 run_node_remove};

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
  static const std::vector<CommandRow> rows{
      init_row,         plan_row,        up_row,         status_row, space_row,   check_row,
      verify_row,       replica_add_row, down_row,       fence_row,  unfence_row, node_install_row,
      node_upgrade_row, node_remove_row, node_start_row, serve_row,  version_row};
  return rows;
}

const CommandRow* find_command(std::string_view name) {
  for (const auto& row : commands())
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace dugong::cli
