//! Handover: a stopping server keeps serving while the load balancer moves traffic to other nodes.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    http_support::{Server, eventually, http_options},
    support::{stopwatch::Stopwatch, wait_until, ws::TIMEOUT},
};

const GRACE: Duration = Duration::from_secs(60);

/// Sends a request and reads the response to the end of the connection.
async fn ask(stream: &mut TcpStream, request: &str) -> io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn bump() -> String {
    let body = r#"{"query":"mutation{bump}"}"#;
    format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn handover_keeps_serving_unready_and_closes_connections_after_each_response() {
    let mut server = Server::start_with_handover(http_options(), GRACE, Duration::from_secs(6)).await;
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    server.shutdown.cancel();
    let ready = async || reqwest::get(server.url("/readyz")).await.unwrap();
    wait_until("it is not ready", TIMEOUT, async || ready().await.status() == 503).await;
    let refusal = ready().await;
    assert_eq!(refusal.headers()["connection"], "close");
    let refusal = refusal.text().await.unwrap();
    assert!(refusal.contains("the server is stopping"), "{refusal}");
    // Both an old and a new connection are served.
    for stream in [&mut kept, &mut TcpStream::connect(server.address).await.unwrap()] {
        let answer = ask(stream, &bump()).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    }
    timeout(TIMEOUT, &mut server.serving).await.expect("the end").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "it listens no more");
}

#[tokio::test]
async fn shutdown_without_handover_is_immediate() {
    let mut server = Server::start_with_grace(http_options(), GRACE).await;
    let _idle = TcpStream::connect(server.address).await.unwrap();
    let stopwatch = Stopwatch::start();
    server.shutdown.cancel();
    timeout(TIMEOUT, &mut server.serving).await.expect("the end").unwrap();
    assert!(stopwatch.elapsed() < Duration::from_millis(500), "{:?}", stopwatch.elapsed());
}

/// Sends one request per connection until the server refuses connections. Fails if a connection is accepted and its
/// request is not answered.
async fn bump_until_refused(server: SocketAddr, answered: Arc<AtomicUsize>) -> Result<(), String> {
    while let Ok(mut stream) = TcpStream::connect(server).await {
        let answer = ask(&mut stream, &bump().replace("host: x", "host: x\r\nconnection: close")).await;
        match answer {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => answered.fetch_add(1, SeqCst),
            other => return Err(format!("a request was lost: {other:?}")),
        };
    }
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handover_answers_every_request_of_an_accepted_connection() {
    let server = Server::start_with_handover(http_options(), GRACE, Duration::from_millis(600)).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..32).map(|_| tokio::spawn(bump_until_refused(server.address, answered.clone()))).collect();
    eventually("requests are answered", || answered.load(SeqCst) > 100).await;
    server.shutdown.cancel();
    for client in clients {
        timeout(TIMEOUT, client).await.expect("the end").unwrap().unwrap();
    }
    assert_eq!(server.probe.bumps.load(SeqCst), answered.load(SeqCst), "each was answered, and run once");
}
