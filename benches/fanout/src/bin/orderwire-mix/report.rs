//! The results, as JSON and as a summary line.

use std::time::Duration;

use orderwire_fanout::figures::{quantile, rounded};
use serde_json::{Value, json};

use crate::{Options, tally::Tally, workload::Workload};

/// CPU time and memory of the processes that are known.
pub struct Costs {
    /// CPU time of the server.
    pub server_cpu: Option<Duration>,
    /// CPU time of the database.
    pub database_cpu: Option<Duration>,
    /// CPU time of the generator.
    pub own_cpu: Option<Duration>,
    /// Peak memory of the server.
    pub peak_kib: Option<u64>,
}

/// All results as one object. Latencies are those of successful responses, CPU times those of a request.
pub fn json(options: &Options, workload: &Workload, mut tally: Tally, costs: &Costs) -> Value {
    let mut all = tally.latencies.concat();
    let seconds = tally.time().as_secs_f64();
    let requests = all.len() as u64 + tally.refused + tally.failed;
    let errors = (tally.refused + tally.failed) as f64 * 100.0 / requests.max(1) as f64;
    let each = |cpu: Option<Duration>, of: f64| cpu.map(|cpu| rounded(cpu.as_secs_f64() / of));
    let micros = |cpu: Option<Duration>| each(cpu, requests.max(1) as f64 / 1e6);
    let operations = workload.operations.iter().zip(&mut tally.latencies).map(|(operation, latencies)| {
        let mut figures = percentiles(latencies);
        figures["name"] = operation.name.clone().into();
        figures["answered"] = latencies.len().into();
        figures
    });
    let operations: Value = operations.collect();
    let mut figures = percentiles(&mut all);
    let more = json!({
        "name": options.name,
        "connections": options.connections,
        "seconds": rounded(seconds),
        "requests": requests,
        "requestsPerSecond": rounded(requests as f64 / seconds),
        "answeredPerSecond": rounded(all.len() as f64 / seconds),
        "errorPercent": (errors * 1e4).round() / 1e4,
        "refused": tally.refused,
        "failed": tally.failed,
        "firstFailure": tally.first_failure,
        "bodyBytes": tally.bytes / all.len().max(1),
        "serverCpuMicros": micros(costs.server_cpu),
        "databaseCpuMicros": micros(costs.database_cpu),
        "ownCpuMicros": micros(costs.own_cpu),
        "ownCpuPercent": each(costs.own_cpu, seconds / 100.0),
        "peakKib": costs.peak_kib,
        "operations": operations,
    });
    if let (Value::Object(figures), Value::Object(more)) = (&mut figures, more) {
        figures.extend(more);
    }
    figures
}

/// The main results in one line.
pub fn line(figures: &Value) -> String {
    let [name, failure] = ["name", "firstFailure"].map(|key| figures[key].as_str());
    let keys = ["requestsPerSecond", "p50Ms", "p95Ms", "p99Ms", "refused", "failed", "ownCpuPercent"];
    let [rate, p50, p95, p99, refused, failed, own] = keys.map(|key| &figures[key]);
    let failure = failure.map(|failure| format!("; the first: {failure}"));
    format!(
        "{}: {rate} requests/s, p50 {p50} p95 {p95} p99 {p99} ms, {refused} refused, {failed} failed, \
         generator {own} % of a core{}",
        name.unwrap_or_default(),
        failure.unwrap_or_default()
    )
}

fn percentiles(latencies: &mut [u32]) -> Value {
    latencies.sort_unstable();
    let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|share| quantile(latencies, share));
    json!({ "p50Ms": p50, "p95Ms": p95, "p99Ms": p99, "maxMs": max })
}
