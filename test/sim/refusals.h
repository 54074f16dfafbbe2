// What the simulated world refuses, and what the real tools say when they refuse it. A row is proved twice: by the test
// Refusal.ID in refusals_test.cpp here, and against real zfs, Docker and PostgreSQL by
// test/e2e/test_refusals.py::test_ID.
#pragma once

#include <array>
#include <string_view>

namespace dugong::sim {

struct Refusal {
  std::string_view id;
  std::string_view what;   // is refused
  std::string_view words;  // of the real tool; a part of them. "|" stands between those of different versions.
};

inline constexpr std::array refusals = {
    Refusal{"create_existing_dataset", "creating a dataset that is there", "dataset already exists"},
    Refusal{"create_without_parent", "creating a dataset below one that is not there", "parent does not exist"},
    Refusal{"create_with_lz4_on_v23", "a compression that pool version 23 does not know", "must be one of"},
    Refusal{"snapshot_existing", "a second snapshot of the same name", "dataset already exists"},
    Refusal{"snapshot_recursive_is_atomic", "a recursive snapshot when one member has that name already",
            "dataset already exists"},
    Refusal{"hold_twice", "the same hold tag again", "tag already exists on this dataset"},
    Refusal{"release_missing_tag", "releasing a tag that is not there", "no such tag on this dataset"},
    Refusal{"destroy_held_snapshot", "destroying a held snapshot", "dataset is busy|it's being held"},
    Refusal{"destroy_cloned_snapshot", "destroying a snapshot with clones", "dependent clones"},
    Refusal{"rollback_with_newer", "rolling back to a snapshot that is not the newest", "more recent snapshots"},
    Refusal{"destroy_with_children", "destroying a dataset with children", "has children"},
    Refusal{"destroy_with_snapshots", "destroying a dataset with snapshots", "has children"},
    Refusal{"destroy_missing", "destroying what is not there", "dataset does not exist"},
    Refusal{"clone_missing_snapshot", "cloning a snapshot that is not there", "dataset does not exist"},
    Refusal{"mount_twice", "mounting a mounted dataset", "filesystem already mounted"},
    Refusal{"mount_without_mountpoint", "mounting where mountpoint is none", "no mountpoint set"},
    Refusal{"mount_over_files", "mounting over a directory with something in it", "directory is not empty"},
    Refusal{"unmount_not_mounted", "unmounting what is not mounted", "not currently mounted"},
    Refusal{"unmount_busy", "unmounting below a process that uses it", "umount failed|dataset is busy"},
    Refusal{"snapshot_native_property", "setting a native property of a snapshot", "for snapshots"},
    Refusal{"write_to_readonly", "writing to a read-only dataset", "Read-only file system"},
    Refusal{"send_missing_snapshot", "sending a snapshot that is not there", "does not exist"},
    Refusal{"receive_full_over_existing", "a full receive into a dataset that is there", "exists"},
    Refusal{"receive_without_parent", "a receive below a dataset that is not there", "does not exist"},
    Refusal{"receive_other_base", "an increment whose base is not the newest snapshot there",
            "match incremental source"},
    Refusal{"receive_into_modified", "an increment into a dataset that was written to", "has been modified"},
    Refusal{"receive_out_of_space", "a receive into a full pool", "out of space"},
    Refusal{"initdb_not_empty", "initdb in a directory with something in it", "exists but is not empty"},
    Refusal{"start_without_data", "starting a process without a data directory", "is not a database cluster directory"},
    Refusal{"start_port_taken", "a second server on one port", "Address already in use"},
    Refusal{"start_wrong_mode", "a data directory that others can read", "has invalid permissions"},
    Refusal{"start_unknown_setting", "a configuration file with a name that is no setting",
            "unrecognized configuration parameter"},
    Refusal{"start_rejected_value", "a configuration file with a value that the setting does not take",
            "invalid value for parameter"},
    Refusal{"start_cut_initdb", "starting what an interrupted initdb left", "pg_control"},
    Refusal{"standby_lower_settings", "a hot standby with a lower max_connections than its primary's",
            "insufficient parameter settings"},
    Refusal{"standby_other_system", "streaming from another database system",
            "database system identifier differs between the primary and standby"},
    Refusal{"standby_without_slot", "streaming through a slot that is not there", "does not exist"},
    Refusal{"standby_without_hba", "streaming from an address that pg_hba.conf does not list",
            "no pg_hba.conf entry for replication connection"},
    Refusal{"standby_wrong_password", "streaming with another password", "password authentication failed"},
    Refusal{"standby_wal_removed", "streaming from WAL that is gone", "has already been removed"},
    Refusal{"write_on_standby", "a write on a standby", "in a read-only transaction"},
    Refusal{"drop_active_slot", "dropping a slot that is in use", "is active for PID"},
    Refusal{"database_exists", "creating a database that is there", "already exists"},
    Refusal{"connect_unknown_database", "connecting to a database that is not there", "does not exist"},
    Refusal{"connect_wrong_password", "connecting with another password", "password authentication failed"},
    Refusal{"compose_without_source", "a container whose bind source is not there", "bind source path does not exist"},
    Refusal{"remove_running_container", "removing a running container", "or force remove"},
    Refusal{"image_missing", "an image that is not there", "No such image"},
};

}  // namespace dugong::sim
