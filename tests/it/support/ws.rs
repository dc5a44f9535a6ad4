//! A WebSocket client that speaks the subprotocols message by message.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, handshake::client::Request},
};

/// How long a message may take to arrive, also on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The subprotocol of graphql-ws.
pub const MODERN: &str = "graphql-transport-ws";
/// The subprotocol of subscriptions-transport-ws.
pub const LEGACY: &str = "graphql-ws";

/// A handshake request that offers these subprotocols.
pub fn request(address: SocketAddr, protocols: &str) -> Request {
    let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    request
}

/// A `next` message of the modern protocol.
pub fn next(id: &str, data: Value) -> Value {
    json!({"type": "next", "id": id, "payload": {"data": data}})
}

/// A connected client.
pub struct Client(pub WebSocketStream<TcpStream>);

impl Client {
    /// Connects without `connection_init`.
    pub async fn connect(address: SocketAddr, protocols: &str) -> Self {
        Self::with(address, request(address, protocols)).await
    }

    /// Connects with this handshake request.
    pub async fn with(address: SocketAddr, request: Request) -> Self {
        Self::try_with(address, request).await.unwrap()
    }

    /// The same, unless the server refuses it.
    pub async fn try_with(address: SocketAddr, request: Request) -> tokio_tungstenite::tungstenite::Result<Self> {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Ok(Self(client_async(request, stream).await?.0))
    }

    /// Connects by `graphql-transport-ws` and waits for the acknowledgement.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, MODERN, json!({})).await
    }

    /// Connects with this payload of `connection_init` and waits for the acknowledgement.
    pub async fn open_with(address: SocketAddr, protocol: &str, payload: Value) -> Self {
        let mut client = Self::connect(address, protocol).await;
        client.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(client.receive().await, json!({"type": "connection_ack"}));
        client
    }

    /// Sends a JSON message.
    pub async fn send(&mut self, message: Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    /// Sends a WebSocket frame.
    pub async fn raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Starts an operation by `graphql-transport-ws`.
    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({"id": id, "type": "subscribe", "payload": {"query": query}})).await;
    }

    /// Receives the next JSON message, skipping pings.
    pub async fn receive(&mut self) -> Value {
        loop {
            match timeout(TIMEOUT, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text).unwrap() {
                    Value::Object(message) if message["type"] == "ka" => {}
                    message => return message,
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Skips all messages up to the close frame; returns its code and reason.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match timeout(TIMEOUT, self.0.next()).await.expect("a closing in time") {
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.expect("a code");
                    // Sends the closing reply that the server waits for.
                    let _ = self.0.flush().await;
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
