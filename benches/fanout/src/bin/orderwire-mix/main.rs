//! Measures an HTTP server under a mix of requests. Prints one JSON object, and a summary line on standard error.

mod connection;
mod load;
mod report;
mod tally;
mod workload;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use orderwire_fanout::{Result, process::Process};
use serde_json::Value;

use load::Load;
use workload::Workload;

/// Load generator for requests over HTTP/1.1, on keep-alive connections.
#[derive(Parser)]
struct Options {
    /// Name of the server in the results.
    #[arg(long)]
    name: String,
    /// Requests go here: `http://HOST:PORT/PATH`. Of several, the connections use each in turn.
    #[arg(long, required = true)]
    url: Vec<String>,
    /// The workload: a file such as benches/reads-prepare.mjs writes.
    #[arg(long)]
    workload: PathBuf,
    /// Only this operation of the workload.
    #[arg(long)]
    only: Option<String>,
    /// Sends all requests without a token and with this address in `X-Forwarded-For`. Otherwise each connection is one
    /// of the workload's users.
    #[arg(long)]
    address: Option<String>,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// Milliseconds between the requests of a connection; otherwise a request follows each response at once.
    #[arg(long)]
    every_ms: Option<u64>,
    /// Seconds to measure.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// The servers' processes, whose CPU time and memory are read with those of their children.
    #[arg(long)]
    server_pid: Vec<u32>,
    /// The database's process, whose CPU time is read.
    #[arg(long)]
    database_pid: Option<u32>,
}

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(report) => {
            eprintln!("{}", report::line(&report));
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<Value> {
    let mut workload = Workload::read(&options.workload)?;
    if let Some(name) = &options.only {
        workload.keep_only(name)?;
    }
    if let Some(address) = &options.address {
        workload.come_from(address);
    }
    let families = |pids: &[u32]| -> Result<Option<Vec<Process>>> {
        let families = pids.iter().map(|pid| Process::family(*pid)).collect::<Result<Vec<_>>>()?;
        Ok((!pids.is_empty()).then(|| families.into_iter().flatten().collect()))
    };
    let (server, database) = (families(&options.server_pid)?, families(options.database_pid.as_slice())?);
    let own = Some(vec![Process::new(std::process::id())]);

    let every = options.every_ms.map(Duration::from_millis);
    let mut load = Load::connect(&options.url, &mut workload, options.connections, every)?;
    server.iter().flatten().try_for_each(Process::reset_peak)?;
    let processes = [&server, &database, &own];
    let before = cpu(processes)?;
    let tally = load.run(Duration::from_secs_f64(options.seconds))?;
    let after = cpu(processes)?;

    let peaks = |family: Vec<Process>| family.iter().map(Process::peak_kib).sum::<Result<u64>>();
    let [server_cpu, database_cpu, own_cpu] = std::array::from_fn(|i| Some(after[i]? - before[i]?));
    let costs = report::Costs { server_cpu, database_cpu, own_cpu, peak_kib: server.map(peaks).transpose()? };
    Ok(report::json(options, &workload, tally, &costs))
}

/// CPU time of each process with its children.
fn cpu<const N: usize>(families: [&Option<Vec<Process>>; N]) -> Result<[Option<Duration>; N]> {
    let mut used = [None; N];
    for (used, family) in used.iter_mut().zip(families) {
        *used = family.as_ref().map(|family| family.iter().map(Process::cpu).sum::<Result<_>>()).transpose()?;
    }
    Ok(used)
}
