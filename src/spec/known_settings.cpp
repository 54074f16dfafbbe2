// Names of settings. PostgreSQL's are the union over 14 to 18 (guc_tables.c; pg_settings of a running server shows
// them) without those that no file may set; TimescaleDB's are those of 2.13 to 2.29 (src/guc.c, src/loader) without the
// ones of debug builds. The union, because which version runs is known only once the image was looked at.
#include <algorithm>
#include <iterator>

#include "spec/settings.h"

namespace dugong::spec {
namespace {

// One name a line would be five hundred lines.
// clang-format off
constexpr std::string_view of_postgresql[]{
    "allow_alter_system", "allow_in_place_tablespaces", "allow_system_table_mods", "application_name",
    "archive_cleanup_command", "archive_command", "archive_library", "archive_mode", "archive_timeout",
    "array_nulls", "authentication_timeout", "autovacuum", "autovacuum_analyze_scale_factor",
    "autovacuum_analyze_threshold", "autovacuum_freeze_max_age", "autovacuum_max_workers",
    "autovacuum_multixact_freeze_max_age", "autovacuum_naptime", "autovacuum_vacuum_cost_delay",
    "autovacuum_vacuum_cost_limit", "autovacuum_vacuum_insert_scale_factor", "autovacuum_vacuum_insert_threshold",
    "autovacuum_vacuum_max_threshold", "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_threshold",
    "autovacuum_work_mem", "autovacuum_worker_slots", "backend_flush_after", "backslash_quote",
    "backtrace_functions", "bgwriter_delay", "bgwriter_flush_after", "bgwriter_lru_maxpages",
    "bgwriter_lru_multiplier", "bonjour", "bonjour_name", "bytea_output", "check_function_bodies",
    "checkpoint_completion_target", "checkpoint_flush_after", "checkpoint_timeout", "checkpoint_warning",
    "client_connection_check_interval", "client_encoding", "client_min_messages", "cluster_name", "commit_delay",
    "commit_siblings", "commit_timestamp_buffers", "composite_type_mismatch", "compute_query_id",
    "constraint_exclusion", "cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost", "createrole_self_grant",
    "cursor_tuple_fraction", "data_directory", "data_sync_retry", "datestyle", "db_user_namespace",
    "deadlock_timeout", "debug_discard_caches", "debug_io_direct", "debug_logical_replication_streaming",
    "debug_parallel_query", "debug_pretty_print", "debug_print_parse", "debug_print_plan", "debug_print_rewritten",
    "default_statistics_target", "default_table_access_method", "default_tablespace", "default_text_search_config",
    "default_toast_compression", "default_transaction_deferrable", "default_transaction_isolation",
    "default_transaction_read_only", "dynamic_library_path", "dynamic_shared_memory_type", "effective_cache_size",
    "effective_io_concurrency", "enable_async_append", "enable_bitmapscan", "enable_distinct_reordering",
    "enable_gathermerge", "enable_group_by_reordering", "enable_hashagg", "enable_hashjoin",
    "enable_incremental_sort", "enable_indexonlyscan", "enable_indexscan", "enable_material", "enable_memoize",
    "enable_mergejoin", "enable_nestloop", "enable_parallel_append", "enable_parallel_hash",
    "enable_partition_pruning", "enable_partitionwise_aggregate", "enable_partitionwise_join",
    "enable_presorted_aggregate", "enable_self_join_elimination", "enable_seqscan", "enable_sort", "enable_tidscan",
    "escape_string_warning", "event_source", "event_triggers", "exit_on_error", "extension_control_path",
    "extension_destdir", "external_pid_file", "extra_float_digits", "file_copy_method", "force_parallel_mode",
    "from_collapse_limit", "fsync", "full_page_writes", "geqo", "geqo_effort", "geqo_generations", "geqo_pool_size",
    "geqo_seed", "geqo_selection_bias", "geqo_threshold", "gin_fuzzy_search_limit", "gin_pending_list_limit",
    "gss_accept_delegation", "hash_mem_multiplier", "hba_file", "hot_standby", "hot_standby_feedback",
    "huge_page_size", "huge_pages", "icu_validation_level", "ident_file", "idle_in_transaction_session_timeout",
    "idle_replication_slot_timeout", "idle_session_timeout", "ignore_checksum_failure", "ignore_invalid_pages",
    "ignore_system_indexes", "intervalstyle", "io_combine_limit", "io_max_combine_limit", "io_max_concurrency",
    "io_method", "io_workers", "jit", "jit_above_cost", "jit_debugging_support", "jit_dump_bitcode",
    "jit_expressions", "jit_inline_above_cost", "jit_optimize_above_cost", "jit_profiling_support", "jit_provider",
    "jit_tuple_deforming", "join_collapse_limit", "krb_caseins_users", "krb_server_keyfile", "lc_messages",
    "lc_monetary", "lc_numeric", "lc_time", "listen_addresses", "lo_compat_privileges", "local_preload_libraries",
    "lock_timeout", "log_autovacuum_min_duration", "log_checkpoints", "log_connections", "log_destination",
    "log_directory", "log_disconnections", "log_duration", "log_error_verbosity", "log_executor_stats",
    "log_file_mode", "log_filename", "log_hostname", "log_line_prefix", "log_lock_failures", "log_lock_waits",
    "log_min_duration_sample", "log_min_duration_statement", "log_min_error_statement", "log_min_messages",
    "log_parameter_max_length", "log_parameter_max_length_on_error", "log_parser_stats", "log_planner_stats",
    "log_recovery_conflict_waits", "log_replication_commands", "log_rotation_age", "log_rotation_size",
    "log_startup_progress_interval", "log_statement", "log_statement_sample_rate", "log_statement_stats",
    "log_temp_files", "log_timezone", "log_transaction_sample_rate", "log_truncate_on_rotation",
    "logging_collector", "logical_decoding_work_mem", "logical_replication_mode", "maintenance_io_concurrency",
    "maintenance_work_mem", "max_active_replication_origins", "max_connections", "max_files_per_process",
    "max_locks_per_transaction", "max_logical_replication_workers", "max_notify_queue_pages",
    "max_parallel_apply_workers_per_subscription", "max_parallel_maintenance_workers", "max_parallel_workers",
    "max_parallel_workers_per_gather", "max_pred_locks_per_page", "max_pred_locks_per_relation",
    "max_pred_locks_per_transaction", "max_prepared_transactions", "max_replication_slots",
    "max_slot_wal_keep_size", "max_stack_depth", "max_standby_archive_delay", "max_standby_streaming_delay",
    "max_sync_workers_per_subscription", "max_wal_senders", "max_wal_size", "max_worker_processes",
    "md5_password_warnings", "min_dynamic_shared_memory", "min_parallel_index_scan_size",
    "min_parallel_table_scan_size", "min_wal_size", "multixact_member_buffers", "multixact_offset_buffers",
    "notify_buffers", "oauth_validator_libraries", "old_snapshot_threshold", "output_plugin_libraries",
    "parallel_leader_participation", "parallel_setup_cost", "parallel_tuple_cost", "password_encryption",
    "plan_cache_mode", "port", "post_auth_delay", "pre_auth_delay", "primary_conninfo", "primary_slot_name",
    "promote_trigger_file", "quote_all_identifiers", "random_page_cost", "recovery_end_command",
    "recovery_init_sync_method", "recovery_min_apply_delay", "recovery_prefetch", "recovery_target",
    "recovery_target_action", "recovery_target_inclusive", "recovery_target_lsn", "recovery_target_name",
    "recovery_target_time", "recovery_target_timeline", "recovery_target_xid", "recursive_worktable_factor",
    "remove_temp_files_after_crash", "reserved_connections", "restart_after_crash", "restore_command",
    "restrict_nonsystem_relation_kind", "row_security", "scram_iterations", "search_path", "send_abort_for_crash",
    "send_abort_for_kill", "seq_page_cost", "serializable_buffers", "session_preload_libraries",
    "session_replication_role", "shared_buffers", "shared_memory_type", "shared_preload_libraries", "ssl",
    "ssl_ca_file", "ssl_cert_file", "ssl_ciphers", "ssl_crl_dir", "ssl_crl_file", "ssl_dh_params_file",
    "ssl_ecdh_curve", "ssl_groups", "ssl_key_file", "ssl_max_protocol_version", "ssl_min_protocol_version",
    "ssl_passphrase_command", "ssl_passphrase_command_supports_reload", "ssl_prefer_server_ciphers",
    "ssl_tls13_ciphers", "standard_conforming_strings", "statement_timeout", "stats_fetch_consistency",
    "stats_temp_directory", "subtransaction_buffers", "summarize_wal", "superuser_reserved_connections",
    "sync_replication_slots", "synchronize_seqscans", "synchronized_standby_slots", "synchronous_commit",
    "synchronous_standby_names", "syslog_facility", "syslog_ident", "syslog_sequence_numbers",
    "syslog_split_messages", "tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval",
    "tcp_user_timeout", "temp_buffers", "temp_file_limit", "temp_tablespaces", "timezone", "timezone_abbreviations",
    "trace_connection_negotiation", "trace_notify", "trace_recovery_messages", "trace_sort", "track_activities",
    "track_activity_query_size", "track_commit_timestamp", "track_cost_delay_timing", "track_counts",
    "track_functions", "track_io_timing", "track_wal_io_timing", "transaction_buffers", "transaction_timeout",
    "transform_null_equals", "unix_socket_directories", "unix_socket_group", "unix_socket_permissions",
    "update_process_title", "vacuum_buffer_usage_limit", "vacuum_cost_delay", "vacuum_cost_limit",
    "vacuum_cost_page_dirty", "vacuum_cost_page_hit", "vacuum_cost_page_miss", "vacuum_defer_cleanup_age",
    "vacuum_failsafe_age", "vacuum_freeze_min_age", "vacuum_freeze_table_age",
    "vacuum_max_eager_freeze_failure_rate", "vacuum_multixact_failsafe_age", "vacuum_multixact_freeze_min_age",
    "vacuum_multixact_freeze_table_age", "vacuum_truncate", "wal_buffers", "wal_compression",
    "wal_consistency_checking", "wal_decode_buffer_size", "wal_init_zero", "wal_keep_size", "wal_level",
    "wal_log_hints", "wal_receiver_create_temp_slot", "wal_receiver_status_interval", "wal_receiver_timeout",
    "wal_recycle", "wal_retrieve_retry_interval", "wal_sender_timeout", "wal_skip_threshold",
    "wal_summary_keep_time", "wal_sync_method", "wal_writer_delay", "wal_writer_flush_after", "work_mem",
    "xmlbinary", "xmloption", "zero_damaged_pages"};

constexpr std::string_view of_extensions[]{
    "auth_delay.milliseconds", "auto_explain.log_analyze", "auto_explain.log_buffers", "auto_explain.log_format",
    "auto_explain.log_level", "auto_explain.log_min_duration", "auto_explain.log_nested_statements",
    "auto_explain.log_parameter_max_length", "auto_explain.log_settings", "auto_explain.log_timing",
    "auto_explain.log_triggers", "auto_explain.log_verbose", "auto_explain.log_wal", "auto_explain.sample_rate",
    "basebackup_to_shell.command", "basebackup_to_shell.required_role", "basic_archive.archive_directory",
    "isn.weak", "passwordcheck.min_password_length", "pg_prewarm.autoprewarm", "pg_prewarm.autoprewarm_interval",
    "pg_stat_statements.max", "pg_stat_statements.save", "pg_stat_statements.track",
    "pg_stat_statements.track_planning", "pg_stat_statements.track_utility", "pg_trgm.similarity_threshold",
    "pg_trgm.strict_word_similarity_threshold", "pg_trgm.word_similarity_threshold",
    "pgcrypto.builtin_crypto_enabled", "plperl.on_init", "plperl.on_plperl_init", "plperl.on_plperlu_init",
    "plperl.use_strict", "plpgsql.check_asserts", "plpgsql.extra_errors", "plpgsql.extra_warnings",
    "plpgsql.print_strict_params", "plpgsql.variable_conflict", "pltcl.start_proc", "pltclu.start_proc",
    "postgres_fdw.application_name", "sepgsql.debug_audit", "sepgsql.permissive", "timescaledb.auto_sparse_indexes",
    "timescaledb.bgw_launcher_poll_time", "timescaledb.bgw_log_level", "timescaledb.bgw_scheduler_restart_time",
    "timescaledb.cagg_processing_wal_batch_size", "timescaledb.cagg_rewrites_debug_info",
    "timescaledb.compress_truncate_behaviour", "timescaledb.compression_batch_size_limit",
    "timescaledb.compression_orderby_default_function", "timescaledb.compression_segmentby_default_function",
    "timescaledb.default_chunk_time_interval", "timescaledb.default_hypercore_use_access_method",
    "timescaledb.direct_compress_copy_tuple_sort_limit", "timescaledb.direct_compress_insert_tuple_sort_limit",
    "timescaledb.direct_compress_segmentby_batch_size_limit", "timescaledb.direct_compress_segmentby_min_rows",
    "timescaledb.disable_load", "timescaledb.dist_copy_transfer_format", "timescaledb.enable_2pc",
    "timescaledb.enable_async_append", "timescaledb.enable_bool_compression",
    "timescaledb.enable_bulk_decompression", "timescaledb.enable_cagg_create",
    "timescaledb.enable_cagg_reorder_groupby", "timescaledb.enable_cagg_rewrites",
    "timescaledb.enable_cagg_sort_pushdown", "timescaledb.enable_cagg_wal_based_invalidation",
    "timescaledb.enable_cagg_watermark_constify", "timescaledb.enable_cagg_window_functions",
    "timescaledb.enable_chunk_append", "timescaledb.enable_chunk_auto_publication",
    "timescaledb.enable_chunk_skipping", "timescaledb.enable_chunkwise_aggregation",
    "timescaledb.enable_client_ddl_on_data_nodes", "timescaledb.enable_columnar_scan_filter_pushdown",
    "timescaledb.enable_columnarindexscan", "timescaledb.enable_columnarscan",
    "timescaledb.enable_composite_bloom_indexes", "timescaledb.enable_compressed_direct_batch_delete",
    "timescaledb.enable_compressed_merge", "timescaledb.enable_compressed_skipscan",
    "timescaledb.enable_compression_indexscan", "timescaledb.enable_compression_ratio_warnings",
    "timescaledb.enable_compression_wal_markers", "timescaledb.enable_compressor_batch_limit",
    "timescaledb.enable_connection_binary_data", "timescaledb.enable_constraint_aware_append",
    "timescaledb.enable_constraint_exclusion", "timescaledb.enable_custom_hashagg",
    "timescaledb.enable_decompression_logrep_markers", "timescaledb.enable_decompression_sorted_merge",
    "timescaledb.enable_delete_after_compression", "timescaledb.enable_deprecation_warnings",
    "timescaledb.enable_direct_compress_auto_segmentby", "timescaledb.enable_direct_compress_copy",
    "timescaledb.enable_direct_compress_copy_client_sorted", "timescaledb.enable_direct_compress_copy_sort_batches",
    "timescaledb.enable_direct_compress_insert", "timescaledb.enable_direct_compress_insert_client_sorted",
    "timescaledb.enable_direct_compress_insert_sort_batches", "timescaledb.enable_direct_compress_on_cagg_refresh",
    "timescaledb.enable_dml_bloom_filter", "timescaledb.enable_dml_decompression",
    "timescaledb.enable_dml_decompression_tuple_filtering", "timescaledb.enable_event_triggers",
    "timescaledb.enable_exclusive_locking_recompression", "timescaledb.enable_foreign_key_propagation",
    "timescaledb.enable_hypercore_scankey_pushdown", "timescaledb.enable_hypertable_compression",
    "timescaledb.enable_hypertable_create", "timescaledb.enable_hypertable_expansion_for_dml",
    "timescaledb.enable_in_memory_recompression", "timescaledb.enable_job_execution_logging",
    "timescaledb.enable_merge_on_cagg_refresh", "timescaledb.enable_multikey_skipscan",
    "timescaledb.enable_now_constify", "timescaledb.enable_null_compression", "timescaledb.enable_optimizations",
    "timescaledb.enable_ordered_append", "timescaledb.enable_parallel_chunk_append",
    "timescaledb.enable_parameterized_data_node_scan", "timescaledb.enable_partitioned_hypertables",
    "timescaledb.enable_per_data_node_queries", "timescaledb.enable_policy_create",
    "timescaledb.enable_qual_filtering", "timescaledb.enable_qual_propagation", "timescaledb.enable_remote_explain",
    "timescaledb.enable_rowlevel_compression_locking", "timescaledb.enable_runtime_exclusion",
    "timescaledb.enable_segmentwise_recompression", "timescaledb.enable_skipscan",
    "timescaledb.enable_skipscan_for_distinct_aggregates", "timescaledb.enable_sparse_index_bloom",
    "timescaledb.enable_tiered_reads", "timescaledb.enable_transparent_decompression",
    "timescaledb.enable_tss_callbacks", "timescaledb.enable_uuid_compression",
    "timescaledb.enable_vectorized_aggregation", "timescaledb.hypercore_arrow_cache_max_entries",
    "timescaledb.hypercore_copy_to_behavior", "timescaledb.hypercore_indexam_whitelist",
    "timescaledb.hypertable_distributed_default", "timescaledb.hypertable_replication_factor_default",
    "timescaledb.last_tuned", "timescaledb.last_tuned_version", "timescaledb.license",
    "timescaledb.materializations_per_refresh_window", "timescaledb.max_background_workers",
    "timescaledb.max_cached_chunks_per_hypertable", "timescaledb.max_insert_batch_size",
    "timescaledb.max_open_chunks_per_insert", "timescaledb.max_tuples_decompressed_per_dml_transaction",
    "timescaledb.passfile", "timescaledb.read_legacy_bloom1_v1", "timescaledb.remote_data_fetcher",
    "timescaledb.restoring", "timescaledb.skip_cagg_invalidation", "timescaledb.skip_scan_run_cost_multiplier",
    "timescaledb.ssl_dir", "timescaledb.stats_max_chunks", "timescaledb.telemetry_level",
    "timescaledb.vectorized_aggregation", "timescaledb_telemetry.cloud"};

constexpr std::string_view with_memory_unit[]{
    "autovacuum_work_mem", "backend_flush_after", "bgwriter_flush_after", "checkpoint_flush_after",
    "commit_timestamp_buffers", "effective_cache_size", "gin_pending_list_limit", "huge_page_size",
    "io_combine_limit", "io_max_combine_limit", "log_parameter_max_length", "log_parameter_max_length_on_error",
    "log_rotation_size", "log_temp_files", "logical_decoding_work_mem", "maintenance_work_mem",
    "max_slot_wal_keep_size", "max_stack_depth", "max_wal_size", "min_dynamic_shared_memory",
    "min_parallel_index_scan_size", "min_parallel_table_scan_size", "min_wal_size", "multixact_member_buffers",
    "multixact_offset_buffers", "notify_buffers", "serializable_buffers", "shared_buffers", "subtransaction_buffers",
    "temp_buffers", "temp_file_limit", "track_activity_query_size", "transaction_buffers",
    "vacuum_buffer_usage_limit", "wal_buffers", "wal_decode_buffer_size", "wal_keep_size", "wal_skip_threshold",
    "wal_writer_flush_after", "work_mem"};

constexpr std::string_view with_time_unit[]{
    "archive_timeout", "authentication_timeout", "autovacuum_naptime", "autovacuum_vacuum_cost_delay",
    "bgwriter_delay", "checkpoint_timeout", "checkpoint_warning", "client_connection_check_interval",
    "deadlock_timeout", "idle_in_transaction_session_timeout", "idle_replication_slot_timeout",
    "idle_session_timeout", "lock_timeout", "log_autovacuum_min_duration", "log_min_duration_sample",
    "log_min_duration_statement", "log_rotation_age", "log_startup_progress_interval", "max_standby_archive_delay",
    "max_standby_streaming_delay", "old_snapshot_threshold", "post_auth_delay", "pre_auth_delay",
    "recovery_min_apply_delay", "statement_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval",
    "tcp_user_timeout", "transaction_timeout", "vacuum_cost_delay", "wal_receiver_status_interval",
    "wal_receiver_timeout", "wal_retrieve_retry_interval", "wal_sender_timeout", "wal_summary_keep_time",
    "wal_writer_delay"};
// clang-format on

}  // namespace

Units units_of(std::string_view name) {
  if (std::ranges::binary_search(with_memory_unit, name)) return Units::memory;
  return std::ranges::binary_search(with_time_unit, name) ? Units::time : Units::none;
}

const std::vector<std::string_view>& known_settings() {
  static const std::vector<std::string_view> names{std::begin(of_postgresql), std::end(of_postgresql)};
  return names;
}

const std::vector<std::string_view>& known_extension_settings() {
  static const std::vector<std::string_view> names{std::begin(of_extensions), std::end(of_extensions)};
  return names;
}

}  // namespace dugong::spec
