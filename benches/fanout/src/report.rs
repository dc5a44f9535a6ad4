//! The results, as JSON and as a summary line.

use std::time::Duration;

use orderwire_fanout::figures::{quantile, rounded};
use serde_json::{Value, json};

use crate::{Options, Outcome, swarm::Swarm};

/// The results of a run.
pub struct Report {
    /// Resident memory of the server at the end, in KiB.
    pub rss_end: u64,
    name: String,
    sockets: usize,
    subscriptions: usize,
    quiet: usize,
    rate: f64,
    seconds: f64,
    rss_before: u64,
    rss_connected: u64,
    connected_in: Duration,
    figures: Vec<(&'static str, Value)>,
    line: String,
}

impl Report {
    /// Memory is resident memory of the server in KiB.
    pub fn new(options: &Options, rss_before: u64, rss_connected: u64, connected_in: Duration) -> Self {
        Self {
            rss_end: 0,
            name: options.name.clone(),
            sockets: options.sockets,
            subscriptions: options.subscriptions,
            quiet: options.quiet,
            rate: options.events,
            seconds: options.seconds,
            rss_before,
            rss_connected,
            connected_in,
            figures: Vec::new(),
            line: String::new(),
        }
    }

    /// The results of idle sockets, which then got one event.
    pub fn idle(&mut self, delivered: u64, swarm: &Swarm) {
        self.figures.push(("alive", delivered.into()));
        self.figures.extend(losses(swarm));
        self.line = format!("{delivered} of {} subscriptions alive", swarm.tally.subscriptions());
    }

    /// The results of sockets whose sessions were ended: when each was closed, in microseconds, sorted.
    pub fn revoked(&mut self, closed: Vec<u32>, swarm: &Swarm) {
        let [first, p50, p99, max] = [0.0, 0.5, 0.99, 1.0].map(|q| quantile(&closed, q));
        let open = self.sockets - closed.len();
        self.figures.extend([
            ("closed", closed.len().into()),
            ("stillOpen", open.into()),
            ("firstMs", first.into()),
            ("p50Ms", p50.into()),
            ("p99Ms", p99.into()),
            ("maxMs", max.into()),
        ]);
        self.figures.extend(losses(swarm));
        self.line =
            format!("{} closed, {open} still open, first {first} p50 {p50} p99 {p99} last {max} ms", closed.len());
    }

    /// The results of a time with events.
    pub fn events(&mut self, outcome: &Outcome, swarm: &Swarm) {
        let Outcome { tally, load, .. } = outcome;
        let latencies = tally.latencies(&load.placed);
        let of_placed = latencies.len() as u64;
        let expected = (load.placed.len() * tally.subscriptions()) as u64;
        let missing = expected.saturating_sub(of_placed);
        let per_second = outcome.in_time as f64 / self.seconds;
        let messages = (tally.delivered() + tally.doubled()).max(1) as f64;
        let each = |cpu: Duration| rounded(cpu.as_secs_f64() * 1e6 / messages);
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|q| quantile(&latencies, q));
        let server_each = each(outcome.server_cpu);
        self.figures.extend([
            ("events", load.placed.len().into()),
            ("eventsFailed", load.failed.into()),
            ("firstFailure", load.first_failure.clone().into()),
            ("eventsSkipped", load.skipped.into()),
            ("eventsLateMs", rounded(load.late.as_secs_f64() * 1e3).into()),
            ("deliveriesPerSecond", rounded(per_second).into()),
            ("delivered", tally.delivered().into()),
            ("expected", expected.into()),
            ("missing", missing.into()),
            ("doubled", tally.doubled().into()),
            // Deliveries of orders whose mutation failed or had no response.
            ("unexpected", (tally.delivered() - of_placed).into()),
            ("messageBytes", tally.mean_bytes().into()),
            ("p50Ms", p50.into()),
            ("p90Ms", p90.into()),
            ("p99Ms", p99.into()),
            ("maxMs", max.into()),
            ("serverCpuSeconds", rounded(outcome.server_cpu.as_secs_f64()).into()),
            ("serverCpuMicrosPerDelivery", server_each.into()),
            ("ownCpuSeconds", rounded(outcome.own_cpu.as_secs_f64()).into()),
            ("ownCpuMicrosPerDelivery", each(outcome.own_cpu).into()),
        ]);
        self.figures.extend(losses(swarm));
        self.line = format!(
            "{per_second:.0} deliveries/s, {missing} of {expected} missing, {} doubled, \
             p50 {p50} p90 {p90} p99 {p99} max {max} ms, {server_each} µs CPU each",
            tally.doubled(),
        );
        if let Some(failure) = &load.first_failure {
            self.line += &format!("; {} orders failed: {failure}", load.failed);
        }
    }

    /// All results as one object.
    pub fn json(&self) -> Value {
        let mut all = json!({
            "name": self.name,
            "sockets": self.sockets,
            "subscriptionsPerSocket": self.subscriptions,
            "quietPerSocket": self.quiet,
            "eventsPerSecond": self.rate,
            "seconds": self.seconds,
            "connectSeconds": rounded(self.connected_in.as_secs_f64()),
            "rssBeforeKib": self.rss_before,
            "rssConnectedKib": self.rss_connected,
            "rssEndKib": self.rss_end,
            "kibPerSocket": rounded(self.kib_per_socket()),
        });
        for (name, value) in &self.figures {
            all[name] = value.clone();
        }
        all
    }

    /// The main results in one line.
    pub fn line(&self) -> String {
        let Self { name, sockets, subscriptions, quiet, line, .. } = self;
        let quiet = if *quiet > 0 { format!(" and {quiet} quiet ones") } else { String::new() };
        let memory = rounded(self.kib_per_socket());
        format!("{name}: {sockets} sockets of {subscriptions} subscriptions{quiet}: {line}; {memory} KiB a socket")
    }

    fn kib_per_socket(&self) -> f64 {
        (self.rss_connected as f64 - self.rss_before as f64) / self.sockets.max(1) as f64
    }
}

fn losses(swarm: &Swarm) -> [(&'static str, Value); 4] {
    [
        ("lostSockets", swarm.lost.into()),
        ("endedSubscriptions", swarm.ended.into()),
        ("firstLoss", swarm.first_loss.clone().into()),
        ("stray", swarm.stray.into()),
    ]
}
