//! A server in this process.

use std::net::SocketAddr;

use orderwire::{
    app::App,
    config::{BindAddress, Config, DatabaseUrl},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Configuration with a temporary database and a free port.
pub fn config() -> Config {
    let mut config = Config::default();
    config.database.url = DatabaseUrl::Temporary;
    config.server.bind = BindAddress::any_local_port();
    config
}

/// A running server.
pub struct RunningApp {
    /// Address that the server listens on.
    pub address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl RunningApp {
    /// Starts a server.
    pub async fn start(config: &Config) -> Self {
        Self::run(App::start(config).await.unwrap())
    }

    /// Runs an app that was started already.
    pub fn run(app: App) -> Self {
        let (address, stop) = (app.address(), CancellationToken::new());
        Self { address, stop: stop.clone(), running: tokio::spawn(app.run(stop)) }
    }

    /// Stops the server and returns once it has stopped.
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}
