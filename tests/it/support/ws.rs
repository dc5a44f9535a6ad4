//! A WebSocket client that speaks the subprotocols message by message.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, handshake::client::Request},
};

/// Time within which a message has to arrive, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The subprotocol of graphql-ws.
pub const MODERN: &str = "graphql-transport-ws";
/// The subprotocol of subscriptions-transport-ws.
pub const LEGACY: &str = "graphql-ws";

/// A handshake that offers these subprotocols.
pub fn request(address: SocketAddr, protocols: &str) -> Request {
    let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    request
}

/// A result, as the modern protocol sends it.
pub fn next(id: &str, data: Value) -> Value {
    json!({"type": "next", "id": id, "payload": {"data": data}})
}

/// A connected client.
pub struct Client(pub WebSocketStream<TcpStream>);

impl Client {
    /// Connected, no more.
    pub async fn connect(address: SocketAddr, protocols: &str) -> Self {
        Self::with(address, request(address, protocols)).await
    }

    /// Connected with this handshake.
    pub async fn with(address: SocketAddr, request: Request) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(client_async(request, stream).await.unwrap().0)
    }

    /// Connected and acknowledged, by `graphql-transport-ws`.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, MODERN, json!({})).await
    }

    /// Connected and acknowledged, with this payload of `connection_init`.
    pub async fn open_with(address: SocketAddr, protocol: &str, payload: Value) -> Self {
        let mut client = Self::connect(address, protocol).await;
        client.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(client.receive().await, json!({"type": "connection_ack"}));
        client
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    /// Sends any frame.
    pub async fn raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Asks for an operation, by `graphql-transport-ws`.
    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({"id": id, "type": "subscribe", "payload": {"query": query}})).await;
    }

    /// The next message.
    pub async fn receive(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text).unwrap() {
                    Value::Object(message) if message["type"] == "ka" => {}
                    message => return message,
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next closing, after whatever else comes.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a closing in time") {
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.expect("a code");
                    // Sends the answer, which the server waits for.
                    let _ = self.0.flush().await;
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
