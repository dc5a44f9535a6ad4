//! Redis servers for tests: one that all tests share, and ones that a test starts and kills itself.

use std::{
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::port::free_port;

/// URL of the Redis server that all tests share.
pub fn shared_url() -> String {
    std::env::var("ORDERWIRE_TEST_REDIS_URL")
        .expect("ORDERWIRE_TEST_REDIS_URL names no Redis; start the tests with: scripts/services run cargo nextest run")
}

/// A Redis server of one test. It keeps its port when it is started again.
pub struct RedisServer {
    port: u16,
    process: Option<Child>,
    _folder: tempfile::TempDir,
    folder: std::path::PathBuf,
    arguments: Vec<String>,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with these arguments.
    pub fn start_with(arguments: &[&str]) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { port, process: None, folder: folder.path().to_owned(), _folder: folder, arguments };
        server.start_again();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills the server as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts the server and returns once it accepts connections.
    pub fn start_again(&mut self) {
        let program = std::env::var("ORDERWIRE_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let process = Command::new(&program)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "no"])
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} should start: {error}"));
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < deadline, "{program} should listen soon");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
