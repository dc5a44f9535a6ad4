//! Every metric of a process, declared in one place.
//!
//! Like the log they belong to the process and can be reached from everywhere: `metrics().sign_ins.get(…).inc()`. A
//! metric whose labels have fixed values, or none, costs an atomic addition; one with labels that come as they come, a
//! look-up beneath a read lock. None grows without bound: what clients choose goes through [`BoundedNames`] first.
//!
//! Decision: `docs/decisions/0013-process-wide-metrics.md`.

mod kind;
mod names;
mod process;

use std::sync::{LazyLock, atomic::AtomicU64};

use prometheus_client::{
    encoding::prometheus_text,
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use kind::{FixedFamily, Label, LabelledFamily};
use kind::{MetricKind, label, metrics};
pub use names::BoundedNames;

/// The media type of [`render`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// A gauge of fractions.
type FloatGauge = Gauge<f64, AtomicU64>;
/// A counter of fractions.
type FloatCounter = Counter<f64, AtomicU64>;

/// Times of answers, in seconds: from a look-up in memory to a client's patience.
const TIMES: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Delays of events, in seconds: longer ones are those of an outage.
const DELAYS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Calls of one operation.
const CALLS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0];
/// Things asked for at once.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

label! {
    /// How results get to clients.
    Transport {
        /// The subprotocol `graphql-transport-ws`.
        WebSocket = "graphql-transport-ws",
        /// The subprotocol `graphql-ws`.
        LegacyWebSocket = "graphql-ws",
        /// Server-sent events.
        Events = "sse",
        /// Multipart.
        Multipart = "multipart",
    }
}

label! {
    /// The root field of a subscription.
    SubscriptionField {
        /// Updates of orders.
        Orders = "orderUpdates",
        /// Updates of tasks.
        Tasks = "taskUpdates",
        /// Stock.
        Stock = "stockUpdates",
    }
}

label! {
    /// What is remembered.
    CacheName {
        /// Documents that were prepared.
        Documents = "documents",
        /// Rights of sessions.
        Sessions = "sessions",
        /// Trending products.
        Trending = "trending",
        /// Products that the lines of orders name (MongoDB).
        Products = "products",
    }
}

label! {
    /// What became of a message of the bus.
    BusMessageOutcome {
        /// It came from another node.
        Received = "received",
        /// It was sent to the other nodes.
        Sent = "sent",
        /// It could not be sent: the other nodes find the event in the log.
        Dropped = "dropped",
        /// It could not be read.
        Unreadable = "unreadable",
    }
}

label! {
    /// How it went.
    Outcome {
        /// Well.
        Ok = "ok",
        /// Not.
        Failed = "failed",
    }
}

label! {
    /// A part that serving depends on.
    Component {
        /// The database.
        Storage = "storage",
        /// The bus between nodes.
        Bus = "bus",
        /// The event feed.
        Feed = "feed",
    }
}

label! {
    /// Connections of a pool.
    PoolState {
        /// All there are.
        Open = "open",
        /// Those in use.
        InUse = "in_use",
    }
}

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
    subscriptions: FixedFamily<SubscriptionField, Gauge> = "orderwire_subscriptions" by "field";
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
    /// SQLite: changes that wait for the writing thread, or are being written by it.
    sqlite_changes_waiting: Gauge = "orderwire_sqlite_changes_waiting";
    /// MongoDB: connections of the pool.
    mongodb_connections: FixedFamily<PoolState, Gauge> = "orderwire_mongodb_connections" by "state";
    /// MongoDB: operations that got no connection of the pool.
    mongodb_checkout_failures: Counter = "orderwire_mongodb_checkout_failures_total";
    /// Look-ups in a cache.
    cache_lookups: FixedFamily<CacheName, Counter> = "orderwire_cache_lookups_total" by "cache";
    /// Look-ups that a cache could not answer.
    cache_misses: FixedFamily<CacheName, Counter> = "orderwire_cache_misses_total" by "cache";
    /// Attempts to sign in or to refresh a session.
    sign_ins: FixedFamily<Outcome, Counter> = "orderwire_sign_ins_total" by "outcome";
    /// Deletions of what is past its retention.
    prunes: FixedFamily<Outcome, Counter> = "orderwire_prunes_total" by "outcome";
    /// Whether a part is as it should be, as `/readyz` last found it: 1 or 0.
    ready: FixedFamily<Component, Gauge> = "orderwire_ready" by "part";
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
    /// What tells its series apart.
    pub labels: &'static [&'static str],
    /// What it is.
    pub help: &'static str,
}

/// Counts as open until it is dropped.
#[derive(Debug)]
pub struct GaugeGuard(&'static Gauge);

impl GaugeGuard {
    /// One more.
    pub fn new(gauge: &'static Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
        let metrics = Metrics::new();
        metrics.build_info.with_labels([env!("CARGO_PKG_VERSION")]).set(1);
        for part in [Component::Storage, Component::Bus, Component::Feed] {
            metrics.ready.get(part).set(1);
        }
        metrics
    });
    &METRICS
}

/// All of them in the text format of Prometheus, as they are now.
pub fn render() -> String {
    let metrics = metrics();
    process::update(metrics);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = prometheus_text::encode(&mut text, &metrics.registry);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_unique_and_named_by_the_rules() {
        let declarations = declarations();
        for declaration in &declarations {
            let Declaration { name, kind, labels, help } = *declaration;
            assert_eq!(declarations.iter().filter(|other| other.name == name).count(), 1, "{name} is declared twice");
            assert!(name.starts_with("orderwire_") || name.starts_with("process_"), "{name}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            assert!(help.ends_with('.') || help.ends_with(".\n"), "{name}: {help}");
            assert!(!labels.iter().any(|label| ["le", "quantile", "instance", "job"].contains(label)), "{name}");
        }
    }

    #[test]
    fn every_series_of_a_fixed_label_is_told_from_the_beginning() {
        let text = render();
        for line in [
            "orderwire_deliveries_total{transport=\"graphql-transport-ws\"} 0",
            "orderwire_subscriptions{field=\"orderUpdates\"} 0",
            "orderwire_bus_messages_total{outcome=\"dropped\"} 0",
            concat!("orderwire_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
        }
    }

    #[test]
    fn what_is_held_counts_until_it_is_dropped() {
        let gauge = metrics().subscriptions.get(SubscriptionField::Stock);
        let held = [GaugeGuard::new(gauge), GaugeGuard::new(gauge)];
        assert_eq!(gauge.get(), 2);
        drop(held);
        assert_eq!(gauge.get(), 0);
    }
}
