//! What a delivery costs at the very least: a process that does nothing but send as many bytes, on as many sockets, as
//! often as the fan-out benchmark, to another that reads them like its load generator. Prints the CPU time of a send in
//! microseconds. Whatever a server takes above that is its own.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use mio::{Events, Interest, Poll, Token};

#[path = "../process.rs"]
mod process;

use process::Process;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Threads that send: as many as the server has on two cores.
const SENDERS: usize = 2;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 5000)]
    sockets: usize,
    /// Sends a second on each socket.
    #[arg(long, default_value_t = 20)]
    events: u32,
    /// Length of a message in bytes; the benchmark's are about as long.
    #[arg(long, default_value_t = 330)]
    bytes: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Be the reader of the sender at this address.
    #[arg(long, hide = true)]
    read: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.read {
        Some(sender) => read(sender, options.sockets),
        None => send(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orderwire-bare-send: {error}");
            ExitCode::FAILURE
        }
    }
}

fn send(options: &Options) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut reader = Command::new(std::env::current_exe()?)
        .args(["--read", &listener.local_addr()?.to_string(), "--sockets", &options.sockets.to_string()])
        .spawn()?;
    let mut groups: Vec<Vec<TcpStream>> = (0..SENDERS).map(|_| Vec::new()).collect();
    for index in 0..options.sockets {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        groups[index % SENDERS].push(socket);
    }
    let own = Process::new(std::process::id());
    let before = own.cpu()?;
    let rounds = options.seconds as u32 * options.events;
    let senders = groups.into_iter().map(|sockets| {
        let message = vec![b'x'; options.bytes];
        let pause = Duration::from_secs(1) / options.events;
        thread::spawn(move || rounds_of(sockets, &message, rounds, pause))
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.join().map_err(|_| "a sender panicked")??;
    }
    let sends = f64::from(rounds) * options.sockets as f64;
    println!("{:.1}", (own.cpu()? - before).as_secs_f64() * 1e6 / sends);
    reader.wait()?;
    Ok(())
}

fn rounds_of(mut sockets: Vec<TcpStream>, message: &[u8], rounds: u32, pause: Duration) -> Result<()> {
    let start = Instant::now();
    for round in 1..=rounds {
        for socket in &mut sockets {
            socket.write_all(message)?;
        }
        thread::sleep((start + pause * round).saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn read(sender: SocketAddr, sockets: usize) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut streams = Vec::with_capacity(sockets);
    for index in 0..sockets {
        let stream = TcpStream::connect(sender)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        streams.push(stream);
    }
    let (mut events, mut buffer, mut open) = (Events::with_capacity(1024), vec![0; 64 * 1024], sockets);
    while open > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Token(index) = event.token();
            loop {
                match streams[index].read(&mut buffer) {
                    Ok(0) => {
                        open -= 1;
                        break;
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    Ok(())
}
