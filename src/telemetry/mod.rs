//! The log, on standard error, and the metrics.
//!
//! Both belong to the process. Every layer but the domain may use them, and they use no other layer.

pub mod metrics;
pub mod operation;

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

pub use metrics::metrics;
pub use operation::OperationTimer;

/// Libraries whose own messages are left out unless the filter names them. Their faults come back as errors, which are logged
/// with what they mean; lapin would log whole messages that RabbitMQ returns.
const QUIET: &str = "lapin=off,rskafka=off";

/// Starts the log of the process: what `filter` lets through, as JSON lines or for people. A second call changes
/// nothing. A filter that can't be parsed counts as `info`.
pub fn init(filter: &str, json: bool) {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")));
    // A closed standard error must not end the server: a failed write is ignored.
    let lines = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(filter);
    let started = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init()
    };
    drop(started);
}
