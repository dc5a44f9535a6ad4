//! What each socket says, ready to be sent.

use serde_json::{Value, json};

use crate::{Options, Result, frame};

const UPDATES: &str = "subscription {
  orderUpdates { cursor kind order { id number status version total { amount currencyCode } } }
}";

const NOBODYS_UPDATES: &str =
    "subscription { orderUpdates(customerId: \"usr_00000000000000000000000000\") { cursor } }";

/// The client's part of the conversation.
pub struct Script {
    host: String,
    upgrade: Vec<u8>,
    /// One for each user.
    init: Vec<Vec<u8>>,
    subscribe: Vec<u8>,
    pong: Vec<u8>,
}

impl Script {
    /// The same for every socket but for the user, who is the next one for each.
    pub fn new(options: &Options, tokens: &[String]) -> Result<Self> {
        let (url, path) = match options.subscribe_at.as_deref() {
            Some(path) if path.starts_with('/') => (options.url.as_str(), path.strip_prefix('/')),
            other => (other.unwrap_or(&options.url), None),
        };
        let address = url.strip_prefix("http://").ok_or("the URL must begin with http://")?;
        let (host, own_path) = address.split_once('/').unwrap_or((address, ""));
        let path = path.unwrap_or(own_path);
        let upgrade = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        );
        let init = |payload| messages([json!({ "type": "connection_init", "payload": payload })]);
        let signed_in = |token| init(json!({ "Authorization": format!("Bearer {token}") }));
        let subscribe = |id, query| json!({ "type": "subscribe", "id": id, "payload": { "query": query } });
        let live = (1..=options.subscriptions).map(|n| subscribe(n.to_string(), UPDATES));
        let quiet = (1..=options.quiet).map(|n| subscribe(format!("quiet-{n}"), NOBODYS_UPDATES));
        Ok(Self {
            host: host.to_owned(),
            upgrade: upgrade.into_bytes(),
            init: if tokens.is_empty() { vec![init(json!({}))] } else { tokens.iter().map(signed_in).collect() },
            subscribe: messages(quiet.chain(live).chain([json!({ "type": "ping" })])),
            pong: messages([json!({ "type": "pong" })]),
        })
    }

    /// `HOST:PORT` of the server.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The HTTP request to become a WebSocket.
    pub fn upgrade(&self) -> &[u8] {
        &self.upgrade
    }

    /// `connection_init` of the `index`-th socket.
    pub fn init(&self, index: usize) -> &[u8] {
        &self.init[index % self.init.len()]
    }

    /// All subscriptions, and a ping, whose answer says that they were read.
    pub fn subscribe(&self) -> &[u8] {
        &self.subscribe
    }

    /// The answer to a ping of the protocol above WebSocket.
    pub fn pong(&self) -> &[u8] {
        &self.pong
    }
}

fn messages(list: impl IntoIterator<Item = Value>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in list {
        frame::write(&mut bytes, frame::TEXT, message.to_string().as_bytes());
    }
    bytes
}
