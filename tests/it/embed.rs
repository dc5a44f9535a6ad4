//! The API mounted in another server, as `examples/embed.rs` does it.

#[path = "../../examples/embed.rs"]
#[allow(dead_code, reason = "its main function is for `cargo run --example`")]
mod example;

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use orderwire::{
    app::Core,
    domain::{UserRole, Viewer},
    service::Registration,
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use tokio_util::task::AbortOnDropHandle;

use crate::support::{api::PASSWORD, app};

/// Within this time each message has to arrive.
const DEADLINE: Duration = Duration::from_secs(10);

struct Embedded {
    core: Core,
    address: SocketAddr,
    _server: AbortOnDropHandle<()>,
}

impl Embedded {
    async fn start() -> Self {
        let config = app::config();
        let core = Core::open(&config).await.unwrap();
        let router = example::router(core.api(&config).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { core, address, _server: AbortOnDropHandle::new(server) }
    }

    /// The whole response to a query or mutation.
    async fn post(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let client = reqwest::Client::new();
        let mut request = client
            .post(format!("http://{}/api/graphql", self.address))
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Makes a user, signs in over the API and returns the access token.
    async fn sign_in(&self, name: &str, role: UserRole) -> String {
        let email = format!("{name}@example.com");
        let registration = Registration {
            email: email.clone(),
            name: name.to_owned(),
            region: Some("Kent".to_owned()),
            password: Some(PASSWORD.to_owned()),
        };
        self.core.service().create_user(&Viewer::System, registration, role).await.unwrap();
        let login = "mutation ($input: LoginInput!) { login(input: $input) { session { accessToken } } }";
        let response = self.post(None, login, json!({ "input": { "email": email, "password": PASSWORD } })).await;
        response["data"]["login"]["session"]["accessToken"].as_str().unwrap_or_else(|| panic!("{response}")).to_owned()
    }

    /// A socket that was acknowledged with this token.
    async fn socket(&self, token: &str) -> Socket {
        let mut request = format!("ws://{}/api/graphql", self.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut socket = Socket(client_async(request, stream).await.unwrap().0);
        socket
            .send(json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } }))
            .await;
        assert_eq!(socket.receive().await["type"], "connection_ack");
        socket
    }
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        loop {
            match timeout(DEADLINE, self.0.next()).await.expect("a message should arrive in time") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

const CREATE: &str = "mutation ($input: CreateProductInput!) {
    createProduct(input: $input) { product { id sku } userErrors { message } } }";

#[tokio::test]
async fn an_embedding_server_runs_queries_and_mutations_beside_its_own_routes() {
    let server = Embedded::start().await;
    let hello = reqwest::get(format!("http://{}/hello", server.address)).await.unwrap().text().await.unwrap();
    assert_eq!(hello, "hello");
    let staff = server.sign_in("sam", UserRole::Staff).await;
    let input = json!({ "input": { "sku": "A1", "name": "Cup", "price": "2.50", "currencyCode": "GBP", "stock": 5 } });
    let created = server.post(Some(&staff), CREATE, input.clone()).await;
    assert_eq!(created["data"]["createProduct"]["product"]["sku"], "A1", "{created}");
    let read = server.post(None, "{ products { totalCount nodes { sku price { amount } stock } } }", json!({})).await;
    let expected = json!({ "totalCount": 1, "nodes": [{ "sku": "A1", "price": { "amount": "2.50" }, "stock": 5 }] });
    assert_eq!(read, json!({ "data": { "products": expected } }));
    let refused = server.post(None, CREATE, input).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused}");
    let bad_token = server.post(Some("nonsense"), "{ __typename }", json!({})).await;
    assert_eq!(bad_token["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{bad_token}");
    let deep = "{ me ".repeat(200) + &"}".repeat(200);
    assert!(server.post(None, &deep, json!({})).await["errors"][0]["extensions"]["code"].is_string());
    server.core.close().await;
}

#[tokio::test]
async fn an_embedded_subscription_gets_updates_and_ends_with_the_session() {
    let server = Embedded::start().await;
    let staff = server.sign_in("sam", UserRole::Staff).await;
    let customer = server.sign_in("cleo", UserRole::Customer).await;
    let input = json!({ "input": { "sku": "A1", "name": "Cup", "price": "2.50", "currencyCode": "GBP", "stock": 5 } });
    let created = server.post(Some(&staff), CREATE, input).await;
    let product = created["data"]["createProduct"]["product"]["id"].clone();
    // The cursor of before the order: the update arrives whether the subscription opens before or after it.
    let head = server.post(Some(&customer), "{ eventCursor }", json!({})).await["data"]["eventCursor"].clone();
    let mut socket = server.socket(&customer).await;
    let query =
        "subscription ($after: EventCursor) { orderUpdates(after: $after) { kind order { status total { amount } } } }";
    let payload = json!({ "query": query, "variables": { "after": head } });
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    let place =
        "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id } userErrors { message } } }";
    let order = json!({ "items": [{ "productId": product, "quantity": 2 }], "idempotencyKey": "cart-1" });
    let placed = server.post(Some(&customer), place, json!({ "input": order })).await;
    assert!(placed["data"]["placeOrder"]["order"]["id"].is_string(), "{placed}");
    let update = json!({ "kind": "CREATED", "order": { "status": "PENDING", "total": { "amount": "5.00" } } });
    let next = json!({ "type": "next", "id": "1", "payload": { "data": { "orderUpdates": update } } });
    assert_eq!(socket.receive().await, next);
    server.post(Some(&customer), "mutation { logout { userErrors { message } } }", json!({})).await;
    let last = socket.receive().await;
    assert_eq!(last["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{last}");
    assert_eq!(socket.receive().await["type"], "complete");
    server.core.close().await;
}
