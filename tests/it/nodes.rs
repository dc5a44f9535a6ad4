//! Two nodes that share a database: what happens on one is seen on the other, over real HTTP and WebSockets.

use std::{net::SocketAddr, sync::Arc};

use orderwire::{
    app::App,
    config::{self, Sources},
    domain::{UserRole, Viewer},
    service::{Registration, Service},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{
    api::PASSWORD,
    ws::{self, Client},
};

fn service(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set; start the tests with: scripts/services run cargo nextest run")
    })
}

struct Node {
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Node {
    async fn start(database: &str, redis: Option<&str>) -> (Self, Arc<Service>) {
        let mut variables = vec![
            ("DATABASE_URL", database),
            ("BIND", "127.0.0.1:0"),
            ("JWT_SECRET", "a secret that both nodes know, of 32 bytes and more"),
        ];
        variables.extend(redis.map(|url| ("REDIS_URL", url)));
        let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let config = config::load(&Sources { environment, ..Sources::default() }).config;
        let app = App::start(&config).await.unwrap();
        let (address, stop) = (app.address(), CancellationToken::new());
        let service = app.core().service().clone();
        let running = tokio::spawn(app.run(stop.clone()));
        (Self { address, stop, running }, service)
    }

    async fn query(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let mut request = reqwest::Client::new().post(format!("http://{}/graphql", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer: Value = request
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].clone()
    }

    async fn token(&self, name: &str) -> String {
        let login = "mutation ($email: String!, $password: String!) { login(input: { email: $email, password: $password }) { session { accessToken } } }";
        let variables = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        self.query(None, login, variables).await["login"]["session"]["accessToken"].as_str().unwrap().to_owned()
    }

    async fn subscribe(&self, token: &str, query: &str) -> Client {
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        let mut client = Client::open_with(self.address, ws::MODERN, payload).await;
        client.subscribe("1", query).await;
        client
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

async fn update(subscriber: &mut Client) -> Value {
    subscriber.receive().await["payload"]["data"]["orderUpdates"].clone()
}

async fn nodes_deliver_each_others_updates(redis: Option<&str>) {
    let server = service("ORDERWIRE_TEST_MONGODB_URL");
    let name = format!("nodes_{:032x}", rand::random::<u128>());
    let (address, options) = server.split_once('?').unwrap_or((&server, ""));
    let database = format!("{}/{name}?{options}", address.trim_end_matches('/'));
    let (first, service) = Node::start(&database, redis).await;
    let (second, _) = Node::start(&database, redis).await;
    for (name, role) in [("staff", UserRole::Staff), ("buyer", UserRole::Customer)] {
        let email = format!("{name}@example.com");
        let registration =
            Registration { email, name: name.to_owned(), region: None, password: Some(PASSWORD.to_owned()) };
        service.create_user(&Viewer::System, registration, role).await.unwrap();
    }
    let (staff, buyer) = (first.token("staff").await, second.token("buyer").await);
    let create =
        "mutation { createProduct(input: { sku: \"A\", name: \"A\", price: \"2\", stock: 9 }) { product { id } } }";
    let product = first.query(Some(&staff), create, json!({})).await["createProduct"]["product"]["id"].clone();
    let place = "mutation ($product: ID!) { placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: \"k\" }) { order { id } } }";
    let order =
        second.query(Some(&buyer), place, json!({ "product": product })).await["placeOrder"]["order"]["id"].clone();

    // A snapshot first: from then on the subscription is under way.
    let watch = format!(
        "subscription {{ orderUpdates(orderId: {order}) {{ kind previousStatus cursor order {{ status version customer {{ name }} }} }} }}"
    );
    let mut watchers = [first.subscribe(&staff, &watch).await, second.subscribe(&buyer, &watch).await];
    for watcher in &mut watchers {
        assert_eq!(update(watcher).await["kind"], "SNAPSHOT");
    }
    let advance = "mutation ($order: ID!, $status: OrderStatus!) { updateOrderStatus(input: { orderId: $order, status: $status }) { userErrors { message } } }";
    for (number, (node, status)) in
        [(&first, "CONFIRMED"), (&second, "SHIPPED"), (&first, "DELIVERED")].into_iter().enumerate()
    {
        node.query(Some(&staff), advance, json!({ "order": order, "status": status })).await;
        let [here, there] = &mut watchers;
        let updates = [update(here).await, update(there).await];
        assert_eq!(updates[0], updates[1]);
        assert_eq!(updates[0]["kind"], "STATUS_CHANGED");
        assert_eq!(
            updates[0]["order"],
            json!({ "status": status, "version": number + 2, "customer": { "name": "buyer" } })
        );
    }
    for node in [first, second] {
        node.stop().await;
    }
    mongodb::Client::with_uri_str(&server).await.unwrap().database(&name).drop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_share_mongodb_and_redis_deliver_each_others_updates() {
    nodes_deliver_each_others_updates(Some(&service("ORDERWIRE_TEST_REDIS_URL"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_share_mongodb_alone_deliver_each_others_updates() {
    nodes_deliver_each_others_updates(None).await;
}
