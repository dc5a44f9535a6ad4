//! A proxy whose connections can be cut, so that requests and answers are lost although the server goes on.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::JoinSet,
};

use crate::support::port::free_port;

/// Forwards connections to a server of this machine.
pub struct Proxy {
    /// The port that it listens on.
    pub port: u16,
    server: u16,
    forwarded: Arc<AtomicU64>,
    connections: Mutex<JoinSet<()>>,
}

impl Proxy {
    /// Listens, and forwards to this port.
    pub async fn start(server: u16) -> Self {
        let proxy = Self { port: free_port(), server, forwarded: Arc::default(), connections: Mutex::default() };
        proxy.listen().await;
        proxy
    }

    /// Bytes that clients have sent.
    pub fn forwarded(&self) -> u64 {
        self.forwarded.load(Ordering::Relaxed)
    }

    /// Cuts all connections, and listens again.
    pub async fn cut(&self) {
        self.connections.lock().await.shutdown().await;
        self.listen().await;
    }

    async fn listen(&self) {
        let (server, forwarded) = (SocketAddr::from((Ipv4Addr::LOCALHOST, self.server)), self.forwarded.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        self.connections.lock().await.spawn(async move {
            // Dropped with this task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, server, forwarded.clone()));
            }
        });
    }
}

/// Forwards until one side closes or nobody listens there.
async fn forward(client: TcpStream, server: SocketAddr, forwarded: Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let requests = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            forwarded.fetch_add(read as u64, Ordering::Relaxed);
            if to_server.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}
