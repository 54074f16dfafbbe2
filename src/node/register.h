// The host's register: which nodes `dugong node start` starts at boot. One small file per node, named CLUSTER.NODE,
// that holds the node's directory; it lies outside of every pool, so that a node whose pool is missing is missed.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace dugong::node {

// $DUGONG_STATE_DIR or /var/lib/dugong: what must outlive a reboot and is in no pool.
std::string state_directory();

// By name. What is no entry of ours is left out; an absent register is empty. Errors: failed.
Result<std::map<std::string, std::string>> read_register();
// `name`: letters, digits, '.', '_' and '-'; `directory`: absolute. Errors: invalid, failed.
Result<Done> register_node(const std::string& name, const std::string& directory);
Result<Done> forget_node(const std::string& name);

// What node_exporter's textfile collector reads: STATE/metrics/boot-NAME.prom. Errors: invalid (the name), failed.
Result<> leave_metrics(const std::string& name, const std::string& text);

}  // namespace dugong::node
