//! `orderwire health`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, StatusCode, Uri, header},
};
use clap::Args;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::{TcpStream, lookup_host};

use super::{Failure, Settings, output};
use crate::config::BindAddress;

/// How long the answer may take. It is longer than the server's own check of its dependencies.
const TIMEOUT: Duration = Duration::from_secs(7);

/// The largest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Arguments of `health`.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Check the server at this address instead of the one in the settings.
    #[arg(long, value_name = "http://HOST:PORT", value_parser = authority)]
    url: Option<String>,
}

/// Parses a server's URL; returns HOST:PORT.
fn authority(text: &str) -> Result<String, String> {
    let wrong = || "must be http://HOST:PORT".to_owned();
    let url: Uri = text.parse().map_err(|_| wrong())?;
    match (url.scheme_str(), url.authority(), url.path(), url.query()) {
        (Some("http"), Some(authority), "/", None) if authority.port().is_some() => Ok(authority.to_string()),
        (Some("http"), Some(authority), "/", None) => Ok(format!("{authority}:80")),
        _ => Err(wrong()),
    }
}

pub(super) async fn run(settings: Settings, args: HealthArgs) -> Result<(), Failure> {
    let server = match args.url {
        Some(authority) => authority,
        None => reachable(&settings.load()?.server.bind).await?.to_string(),
    };
    let asked = tokio::time::timeout(TIMEOUT, ask(&server)).await;
    let late = || Failure::new(format!("http://{server} does not answer within {} s", TIMEOUT.as_secs()));
    match asked.map_err(|_| late())? {
        Ok((StatusCode::OK, _)) => output::print("ready\n"),
        Ok((status, reason)) => Err(Failure::new(format!("http://{server}/readyz answers {status}{reason}"))),
        Err(error) => Err(Failure::new(format!("http://{server} does not answer: {error}"))),
    }
}

/// The address at which this machine reaches a server that listens on `bind`.
async fn reachable(bind: &BindAddress) -> Result<SocketAddr, Failure> {
    let bind = bind.as_str();
    let mut found = lookup_host(bind).await.map_err(|error| Failure::new(format!("cannot find {bind}: {error}")))?;
    let mut address = found.next().ok_or_else(|| Failure::new(format!("cannot find {bind}")))?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    if address.port() == 0 {
        return Err(Failure::new("server.bind lets the system choose the port: say which with --url"));
    }
    Ok(address)
}

/// Requests `/readyz`; returns the status and the server's error message.
async fn ask(server: &str) -> io::Result<(StatusCode, String)> {
    let stream = TcpStream::connect(server).await?;
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let answer = async {
        let request = Request::get("/readyz").header(header::HOST, server).body(Body::empty());
        let answer = client.send_request(request.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(Body::new(body), ANSWER_LIMIT).await.map_err(io::Error::other)?;
        Ok((head.status, reason(&body)))
    };
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(io::Error::other(error)),
    }
}

/// The error message in the body, after a colon; empty if the body holds none.
fn reason(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        errors: [Problem; 1],
    }
    #[derive(Deserialize)]
    struct Problem {
        message: String,
    }
    match serde_json::from_slice(body) {
        Ok(Answer { errors: [problem] }) => format!(": {}", problem.message),
        Err(_) => String::new(),
    }
}
