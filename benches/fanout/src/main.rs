//! Measures how a GraphQL server delivers events to many WebSockets: opens them, subscribes on each, places orders
//! at a steady rate and follows every delivery. Prints one JSON object, and a summary line on standard error.

mod api;
mod frame;
mod load;
mod report;
mod script;
mod socket;
mod swarm;
mod tally;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use clap::Parser;
use orderwire_fanout::{Result, process::Process};

use api::Shop;
use load::Load;
use report::Report;
use swarm::Swarm;
use tally::Tally;

/// Time-out of connecting and of the first events.
const PATIENCE: Duration = Duration::from_secs(180);

/// Memory counts as settled when it changed by less than 1 % in this time.
const SETTLE_STEP: Duration = Duration::from_secs(2);

/// Time-out until memory is settled.
const SETTLE_AT_MOST: Duration = Duration::from_secs(30);

/// Load generator for GraphQL subscriptions over graphql-transport-ws.
#[derive(Parser)]
struct Options {
    /// Name of the server in the results.
    #[arg(long)]
    name: String,
    /// Queries and mutations go here: `http://HOST:PORT/PATH`.
    #[arg(long)]
    url: String,
    /// Path of the WebSocket, or `http://HOST:PORT/PATH` if it is on another node; otherwise that of the URL.
    #[arg(long)]
    subscribe_at: Option<String>,
    /// The server's process, whose CPU time and memory are read.
    #[arg(long)]
    pid: u32,
    /// Sign in as fanout-1@example.com to fanout-N@example.com with the password in $FANOUT_PASSWORD; 0: without sign-in.
    #[arg(long, default_value_t = 0)]
    users: usize,
    /// Number of WebSockets.
    #[arg(long, default_value_t = 5000)]
    sockets: usize,
    /// Subscriptions to all orders on each socket: each event is delivered that often.
    #[arg(long, default_value_t = 1)]
    subscriptions: usize,
    /// Further subscriptions on each socket, to orders of a customer who has none.
    #[arg(long, default_value_t = 0)]
    quiet: usize,
    /// Orders placed each second.
    #[arg(long, default_value_t = 20.0)]
    events: f64,
    /// Seconds to measure.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Seconds of warm-up, one event at a time.
    #[arg(long, default_value_t = 5.0)]
    warmup: f64,
    /// Seconds to wait for deliveries after the last order.
    #[arg(long, default_value_t = 15.0)]
    drain: f64,
    /// Only measure the memory of idle sockets, then check with one event that all of them are alive.
    #[arg(long)]
    idle: bool,
    /// Give each socket a session of its own, then end all sessions of all users, and measure how long after that the
    /// sockets are closed.
    #[arg(long)]
    revoke: bool,
}

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(report) => {
            eprintln!("{}", report.line());
            println!("{}", report.json());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<Report> {
    let server = Process::new(options.pid);
    let mut shop = Shop::open(&options.url, options.users)?;
    if options.revoke {
        shop.open_sessions(options.sockets)?;
    }
    let shop = Arc::new(shop);
    let rss_before = settle(&server, || {
        sleep(SETTLE_STEP);
        Ok(())
    })?;

    let mut swarm = Swarm::new(options, shop.tokens())?;
    let connecting = Instant::now();
    swarm.connect(PATIENCE)?;
    let connected_in = connecting.elapsed();
    let rss_connected = settle(&server, || swarm.run_for(SETTLE_STEP))?;

    let mut report = Report::new(options, rss_before, rss_connected, connected_in);
    if options.idle {
        let delivered = first_event(&mut swarm, &shop, Duration::from_secs_f64(options.drain))?;
        report.idle(delivered, &swarm);
    } else if options.revoke {
        let closed = revoke(&mut swarm, &shop, options)?;
        report.revoked(closed, &swarm);
    } else {
        warm_up(&mut swarm, &shop, Duration::from_secs_f64(options.warmup))?;
        let outcome = events(&mut swarm, shop, &server, options)?;
        report.events(&outcome, &swarm);
    }
    report.rss_end = server.resident_kib()?;
    Ok(report)
}

/// Resident memory in KiB, once it is settled.
fn settle(server: &Process, mut step: impl FnMut() -> Result<()>) -> Result<u64> {
    let give_up = Instant::now() + SETTLE_AT_MOST;
    let mut last = server.resident_kib()?;
    loop {
        step()?;
        let now = server.resident_kib()?;
        if now.abs_diff(last) * 100 < last || Instant::now() > give_up {
            return Ok(now);
        }
        last = now;
    }
}

/// Places one order and waits until every subscription has it. Returns how many had it in time.
fn first_event(swarm: &mut Swarm, shop: &Arc<Shop>, patience: Duration) -> Result<u64> {
    swarm.tally = Tally::new(swarm.tally.subscriptions());
    let failed = Arc::new(AtomicBool::new(false));
    let placing = std::thread::spawn({
        let (shop, failed) = (shop.clone(), failed.clone());
        move || shop.place(0).map(drop).inspect_err(|_| failed.store(true, Ordering::Release))
    });
    let everyone = swarm.tally.subscriptions() as u64;
    let over = |swarm: &Swarm| swarm.tally.delivered() >= everyone || failed.load(Ordering::Acquire);
    swarm.run_until(Instant::now() + patience, over)?;
    placing.join().map_err(|_| "placing an order panicked")??;
    Ok(swarm.tally.delivered())
}

/// Warms up: places each order once all subscriptions have the one before. Afterwards no delivery is outstanding, and
/// every subscription is known to be alive.
fn warm_up(swarm: &mut Swarm, shop: &Arc<Shop>, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        let delivered = first_event(swarm, shop, PATIENCE)?;
        let everyone = swarm.tally.subscriptions() as u64;
        if delivered < everyone {
            return Err(format!("only {delivered} of {everyone} subscriptions got an event").into());
        }
        if Instant::now() > end {
            return Ok(());
        }
    }
}

/// Ends all sessions, and waits until all sockets are closed. Returns when each was closed, in microseconds after the
/// first request was sent.
fn revoke(swarm: &mut Swarm, shop: &Arc<Shop>, options: &Options) -> Result<Vec<u32>> {
    let (shop, users, sockets) = (shop.clone(), options.users, options.sockets);
    let began = swarm.epoch().elapsed();
    let ending = std::thread::spawn(move || shop.end_sessions(users));
    swarm.run_until(Instant::now() + Duration::from_secs_f64(options.drain), |swarm| swarm.lost >= sockets)?;
    ending.join().map_err(|_| "ending the sessions panicked")??;
    let after = |at: &Duration| u32::try_from(at.saturating_sub(began).as_micros()).unwrap_or(u32::MAX);
    Ok(swarm.lost_at.iter().map(after).collect())
}

/// The figures of the time in which events were made.
struct Outcome {
    tally: Tally,
    load: load::Result,
    /// Deliveries while orders were placed.
    in_time: u64,
    server_cpu: Duration,
    own_cpu: Duration,
}

fn events(swarm: &mut Swarm, shop: Arc<Shop>, server: &Process, options: &Options) -> Result<Outcome> {
    let own = Process::new(std::process::id());
    let subscriptions = swarm.tally.subscriptions();
    swarm.tally = Tally::new(subscriptions);
    let (server_cpu, own_cpu) = (server.cpu()?, own.cpu()?);

    let load = Load::start(shop, swarm.epoch(), options.events, options.seconds);
    swarm.run_for(Duration::from_secs_f64(options.seconds))?;
    let in_time = swarm.tally.delivered();
    let drained = |swarm: &Swarm| load.placed().is_some_and(|n| swarm.tally.delivered() >= (n * subscriptions) as u64);
    swarm.run_until(Instant::now() + Duration::from_secs_f64(options.drain), drained)?;

    let (server_cpu, own_cpu) = (server.cpu()? - server_cpu, own.cpu()? - own_cpu);
    let tally = std::mem::replace(&mut swarm.tally, Tally::new(subscriptions));
    Ok(Outcome { tally, load: load.finish(), in_time, server_cpu, own_cpu })
}
