//! Every metric of the process.
//!
//! Decision: `docs/decisions/0013-process-wide-metrics.md`.

use std::sync::{LazyLock, atomic::AtomicU64};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{
    kind::{FixedFamily, LabelledFamily, MetricKind, metrics},
    labels::{BusMessageOutcome, CacheName, Component, Outcome, PoolState, Transport},
};

/// A gauge with a floating-point value.
type FloatGauge = Gauge<f64, AtomicU64>;
/// A counter with a floating-point value.
type FloatCounter = Counter<f64, AtomicU64>;

/// Buckets of response times, in seconds: from a look-up in memory to a client's time-out.
const TIMES: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Buckets of event delays, in seconds: longer ones mean an outage.
const DELAYS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Buckets of the number of calls of one operation.
const CALLS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0];
/// Buckets of the number of keys or queries of one call.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

metrics! {
    /// Operations that were answered, refused or given up; of a subscription, its opening. `code` is `OK`, the code of the worst error, or `CANCELLED` when the client left or the time was over.
    operations: LabelledFamily<Counter, 3> = "orderwire_operations_total" by "operation", "type", "code";
    /// From the start of an operation to its answer; of a subscription, to its opening.
    operation_duration: LabelledFamily<Histogram, 2> = "orderwire_operation_duration_seconds" by "operation", "type", buckets TIMES;
    /// Storage calls that one operation made.
    operation_storage_calls: LabelledFamily<Histogram, 2> = "orderwire_operation_storage_calls" by "operation", "type", buckets CALLS;
    /// HTTP requests by the pattern of their path, with the class of the answer.
    http_requests: LabelledFamily<Counter, 3> = "orderwire_http_requests_total" by "route", "method", "status";
    /// From the head of an HTTP request to the head of its answer.
    http_request_duration: LabelledFamily<Histogram, 2> = "orderwire_http_request_duration_seconds" by "route", "method", buckets TIMES;
    /// Requests, operations and connections that were refused because of a limit.
    refusals: LabelledFamily<Counter, 1> = "orderwire_refusals_total" by "limit";
    /// Open WebSockets and streams.
    connections: FixedFamily<Transport, Gauge> = "orderwire_connections" by "transport";
    /// Open subscriptions by root field.
    subscriptions: LabelledFamily<Gauge, 1> = "orderwire_subscriptions" by "field";
    /// Products that open subscriptions watch one by one.
    watched_products: Gauge = "orderwire_watched_products";
    /// Memory that open subscriptions take, estimated.
    subscription_bytes: Gauge = "orderwire_subscription_bytes";
    /// Bytes of answers that are being written or that connections have not taken yet, and of what is loaded for them.
    answer_bytes_in_flight: Gauge = "orderwire_answer_bytes_in_flight";
    /// Bytes of answers that were written.
    answer_bytes: Counter = "orderwire_answer_bytes_total";
    /// Bytes of entities that operations loaded.
    loaded_bytes: Counter = "orderwire_loaded_bytes_total";
    /// Rows that operations made the database examine beyond those that they found by keys, estimated.
    examined_rows: Counter = "orderwire_examined_rows_total";
    /// Bytes of entities that operations stored.
    stored_bytes: Counter = "orderwire_stored_bytes_total";
    /// Updates that were handed to connections of subscribers.
    deliveries: FixedFamily<Transport, Counter> = "orderwire_deliveries_total" by "transport";
    /// Updates that were executed; many subscribers share one.
    updates_executed: Counter = "orderwire_updates_executed_total";
    /// From an event, on whichever node, to its being shown to the subscribers of this node.
    event_lag: Histogram = "orderwire_event_lag_seconds", buckets DELAYS;
    /// The number of the last event that this node knows of.
    feed_head: Gauge = "orderwire_feed_head";
    /// Times that events were missing, or may have been, and the log was read for them.
    feed_gaps: Counter = "orderwire_feed_gaps_total";
    /// Events that were taken from the log instead of the bus.
    feed_log_events: Counter = "orderwire_feed_log_events_total";
    /// Reads of the log that failed.
    feed_read_failures: Counter = "orderwire_feed_read_failures_total";
    /// When the log was last read to its end.
    feed_read_at: FloatGauge = "orderwire_feed_read_timestamp_seconds";
    /// MongoDB: changes that waited to be numbered when the log was last read; some thousands at most are counted.
    log_backlog: Gauge = "orderwire_log_backlog_changes";
    /// MongoDB: how long the oldest of them had been waiting.
    log_backlog_age: FloatGauge = "orderwire_log_backlog_age_seconds";
    /// Consumers of the event log that this process runs: the number of the last event that each has taken or skipped.
    consumer_position: LabelledFamily<Gauge, 1> = "orderwire_consumer_position" by "consumer";
    /// How many events the log has after that position.
    consumer_lag: LabelledFamily<Gauge, 1> = "orderwire_consumer_lag_events" by "consumer";
    /// Events that consumers have taken.
    consumer_taken: LabelledFamily<Counter, 1> = "orderwire_consumer_events_total" by "consumer";
    /// Attempts to hand over an event that failed.
    consumer_failures: LabelledFamily<Counter, 1> = "orderwire_consumer_failures_total" by "consumer";
    /// How many of them have failed since one succeeded.
    consumer_failing: LabelledFamily<Gauge, 1> = "orderwire_consumer_consecutive_failures" by "consumer";
    /// Consumers that this process has stopped, because the log no longer held what came next.
    consumers_stopped: Counter = "orderwire_consumers_stopped_total";
    /// Whether events get to the other nodes at once: 1, or 0 while Redis is away.
    bus_connected: Gauge = "orderwire_bus_connected";
    /// Messages of the bus between nodes.
    bus_messages: FixedFamily<BusMessageOutcome, Counter> = "orderwire_bus_messages_total" by "outcome";
    /// Storage calls. `outcome` is `ok`, `refused` (as the rules have it), `unavailable` or `internal`.
    storage_calls: LabelledFamily<Counter, 3> = "orderwire_storage_calls_total" by "engine", "method", "outcome";
    /// How long storage calls took.
    storage_call_duration: LabelledFamily<Histogram, 2> = "orderwire_storage_call_duration_seconds" by "engine", "method", buckets TIMES;
    /// Things that one storage call asked for.
    storage_batch_size: LabelledFamily<Histogram, 1> = "orderwire_storage_batch_size" by "method", buckets SIZES;
    /// SQLite: reads under way.
    sqlite_reads: Gauge = "orderwire_sqlite_reads";
    /// SQLite: reads that wait for a connection.
    sqlite_reads_waiting: Gauge = "orderwire_sqlite_reads_waiting";
    /// SQLite: steps of its virtual machine that reads have taken, in units of 500.
    sqlite_read_steps: Counter = "orderwire_sqlite_read_steps_total";
    /// SQLite: changes that wait for the writing thread, or are being written by it.
    sqlite_changes_waiting: Gauge = "orderwire_sqlite_changes_waiting";
    /// MongoDB: connections of the pool.
    mongodb_connections: FixedFamily<PoolState, Gauge> = "orderwire_mongodb_connections" by "state";
    /// MongoDB: operations that got no connection of the pool.
    mongodb_checkout_failures: Counter = "orderwire_mongodb_checkout_failures_total";
    /// MongoDB: reads that a secondary did not answer in time, so that the primary answered.
    mongodb_replica_fallbacks: Counter = "orderwire_mongodb_replica_fallbacks_total";
    /// Look-ups in a cache.
    cache_lookups: FixedFamily<CacheName, Counter> = "orderwire_cache_lookups_total" by "cache";
    /// Look-ups that a cache could not answer.
    cache_misses: FixedFamily<CacheName, Counter> = "orderwire_cache_misses_total" by "cache";
    /// What was dropped from the cache of what was read, to make room.
    near_cache_evictions: Counter = "orderwire_near_cache_evictions_total";
    /// Memory that the cache of what was read takes, estimated.
    near_cache_bytes: Gauge = "orderwire_near_cache_bytes";
    /// Reads that the database answered because the event feed was behind, or could not read the log.
    near_cache_bypasses: Counter = "orderwire_near_cache_bypasses_total";
    /// How old what the cache held may have been at its last use.
    near_cache_age: FloatGauge = "orderwire_near_cache_age_seconds";
    /// Attempts to sign in or to refresh a session.
    sign_ins: FixedFamily<Outcome, Counter> = "orderwire_sign_ins_total" by "outcome";
    /// Password hashes that were computed. A sign-in computes as many whether or not the address has an account.
    password_hashes: Counter = "orderwire_password_hashes_total";
    /// Jobs that this process is doing.
    jobs_running: LabelledFamily<Gauge, 1> = "orderwire_jobs_running" by "kind";
    /// Attempts at jobs that have ended: `succeeded`, `failed`, `interrupted` by the end of the process, or `lost` to another.
    jobs_ended: LabelledFamily<Counter, 2> = "orderwire_jobs_ended_total" by "kind", "outcome";
    /// How long attempts at jobs took.
    job_duration: LabelledFamily<Histogram, 1> = "orderwire_job_duration_seconds" by "kind", buckets TIMES;
    /// Whether a part is as it should be, as `/readyz` last found it: 1 or 0.
    ready: FixedFamily<Component, Gauge> = "orderwire_ready" by "part";
    /// How far this node's clock is ahead of the database's, as it was last compared; negative if it is behind.
    clock_offset: FloatGauge = "orderwire_clock_offset_seconds";
    /// 1, with the version.
    build_info: LabelledFamily<Gauge, 1> = "orderwire_build_info" by "version";
    /// Processor time, of user and system (Linux).
    process_cpu: FloatCounter = "process_cpu_seconds_total";
    /// Memory that is in use (Linux).
    process_memory: Gauge = "process_resident_memory_bytes";
    /// Open file descriptors (Linux).
    process_fds: Gauge = "process_open_fds";
    /// The most file descriptors that may be open (Linux).
    process_max_fds: Gauge = "process_max_fds";
    /// When the process started (Linux).
    process_start: FloatGauge = "process_start_time_seconds";
}

/// A metric as it was declared.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// Its name, with its unit.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Its help text.
    pub help: &'static str,
}

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
        let metrics = Metrics::new();
        metrics.build_info.with_labels([env!("CARGO_PKG_VERSION")]).set(1);
        for part in [Component::Storage, Component::Bus, Component::Feed, Component::Log, Component::Clock] {
            metrics.ready.get(part).set(1);
        }
        metrics
    });
    &METRICS
}
