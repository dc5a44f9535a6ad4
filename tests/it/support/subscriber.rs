//! One subscription over every transport of a real server.

use std::time::Duration;

use reqwest::{
    Response,
    header::{ACCEPT, AUTHORIZATION},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    app::RunningApp,
    ws::{self, Client},
};

/// How long a result may take to arrive, also on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A subscription that was sent to the server.
pub enum Subscriber {
    /// Over a WebSocket of its own.
    Socket(Client),
    /// Over a response, with what was received of it and not read yet.
    Stream(Response, String),
}

impl RunningApp {
    /// Sends a request for a subscription over each transport, with this `Authorization`; each has its transport's name.
    pub async fn subscribers(&self, authorization: &str, request: &Value) -> Vec<(&'static str, Subscriber)> {
        let mut subscribers = Vec::new();
        for (name, protocol, start) in
            [("WebSocket", ws::MODERN, "subscribe"), ("legacy WebSocket", ws::LEGACY, "start")]
        {
            let mut client = Client::open_with(self.address, protocol, json!({ "authorization": authorization })).await;
            client.send(json!({ "id": "1", "type": start, "payload": request })).await;
            subscribers.push((name, Subscriber::Socket(client)));
        }
        for (name, accept, by_get) in [
            ("events by POST", "text/event-stream", false),
            ("events by GET", "text/event-stream", true),
            ("multipart", "multipart/mixed;subscriptionSpec=1.0, application/json", false),
        ] {
            let request = self.request(by_get, request).header(ACCEPT, accept).header(AUTHORIZATION, authorization);
            subscribers.push((name, Subscriber::Stream(request.send().await.unwrap(), String::new())));
        }
        subscribers
    }
}

impl Subscriber {
    /// The next result, data or errors; `None` when the server has ended the subscription.
    pub async fn next(&mut self) -> Option<Value> {
        match self {
            Self::Socket(client) => {
                let message = client.receive().await;
                match message["type"].as_str().unwrap() {
                    "error" if message["payload"].is_array() => Some(json!({ "errors": message["payload"] })),
                    "error" => Some(json!({ "errors": [message["payload"]] })),
                    "complete" => None,
                    _ => Some(message["payload"].clone()),
                }
            }
            Self::Stream(response, text) => loop {
                if let Some((line, rest)) = text.split_once('\n') {
                    let result = result(line);
                    *text = rest.to_owned();
                    if result.is_some() {
                        return result;
                    }
                    continue;
                }
                let chunk = timeout(TIMEOUT, response.chunk()).await.expect("a chunk in time").unwrap()?;
                *text += std::str::from_utf8(&chunk).unwrap();
            },
        }
    }
}

/// The result in a line of an event stream or a multipart body, if it has one.
fn result(line: &str) -> Option<Value> {
    let json: Value = serde_json::from_str(line.strip_prefix("data:").unwrap_or(line)).ok()?;
    match json.get("payload") {
        Some(payload) if payload.is_object() => Some(payload.clone()),
        _ => Some(json).filter(|json| json.get("data").is_some() || json.get("errors").is_some()),
    }
}
