//! Two nodes that share a database: what happens on one is seen on the other, over real HTTP and WebSockets.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use orderwire::{
    app::App,
    config::{self, ConfigSources},
    domain::{User, UserRole, Viewer},
    service::{Registration, Service},
};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{
    api::PASSWORD,
    stopwatch::Stopwatch,
    wait_until,
    ws::{self, Client},
};

/// The promised time within which the end of a session or a right shows on every node.
const PROMISE: Duration = Duration::from_secs(2);

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
    async fn start(variables: &[(&str, &str)]) -> (Self, Arc<Service>) {
        let own = [("BIND", "127.0.0.1:0"), ("JWT_SECRET", "a secret that both nodes know, of 32 bytes and more")];
        let environment = own.iter().chain(variables).map(|(name, value)| (name.into(), value.into())).collect();
        let config = config::load(&ConfigSources { environment, ..ConfigSources::default() }).config;
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

/// Two nodes that share a fresh database.
struct Pair {
    first: Node,
    second: Node,
    service: Arc<Service>,
    server: String,
    name: String,
}

impl Pair {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let server = service("ORDERWIRE_TEST_MONGODB_URL");
        let name = format!("nodes_{:032x}", rand::random::<u128>());
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        let database = format!("{}/{name}?{options}", address.trim_end_matches('/'));
        let variables = [variables, &[("DATABASE_URL", &*database)]].concat();
        let (first, service) = Node::start(&variables).await;
        let (second, _) = Node::start(&variables).await;
        Self { first, second, service, server, name }
    }

    async fn new_user(&self, name: &str, role: UserRole) -> User {
        let email = format!("{name}@example.com");
        let registration =
            Registration { email, name: name.to_owned(), region: None, password: Some(PASSWORD.to_owned()) };
        self.service.create_user(&Viewer::System, registration, role).await.unwrap()
    }

    async fn stop(self) {
        for node in [self.first, self.second] {
            node.stop().await;
        }
        mongodb::Client::with_uri_str(&self.server).await.unwrap().database(&self.name).drop().await.unwrap();
    }
}

/// Creates a product with 9 units on the first node and orders one of them on the second. Returns both ids.
async fn place_order(pair: &Pair, staff: &str, buyer: &str) -> (Value, Value) {
    let create =
        "mutation { createProduct(input: { sku: \"A\", name: \"A\", price: \"2\", stock: 9 }) { product { id } } }";
    let created = pair.first.query(Some(staff), create, json!({})).await;
    let product = created["createProduct"]["product"]["id"].clone();
    let place = "mutation ($product: ID!) { placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: \"k\" }) { order { id } } }";
    let placed = pair.second.query(Some(buyer), place, json!({ "product": product })).await;
    (placed["placeOrder"]["order"]["id"].clone(), product)
}

/// Two nodes, with the tokens of a staff member on the first and of a buyer on the second.
async fn pair_with_staff_and_buyer(redis: Option<&str>) -> (Pair, String, String) {
    let variables: Vec<_> = redis.map(|url| ("REDIS_URL", url)).into_iter().collect();
    let pair = Pair::start(&variables).await;
    for (name, role) in [("staff", UserRole::Staff), ("buyer", UserRole::Customer)] {
        pair.new_user(name, role).await;
    }
    let (staff, buyer) = (pair.first.token("staff").await, pair.second.token("buyer").await);
    (pair, staff, buyer)
}

async fn nodes_deliver_each_others_updates(redis: Option<&str>) {
    let (pair, staff, buyer) = pair_with_staff_and_buyer(redis).await;
    let Pair { first, second, .. } = &pair;
    let (order, _) = place_order(&pair, &staff, &buyer).await;

    // The first message is a snapshot; once it is here, the subscription is active.
    let watch = format!(
        "subscription {{ orderUpdates(orderId: {order}) {{ kind previousStatus cursor order {{ status version customer {{ name }} }} }} }}"
    );
    let mut watchers = [first.subscribe(&staff, &watch).await, second.subscribe(&buyer, &watch).await];
    for watcher in &mut watchers {
        assert_eq!(update(watcher).await["kind"], "SNAPSHOT");
    }
    let advance = "mutation ($order: ID!, $status: OrderStatus!) { updateOrderStatus(input: { orderId: $order, status: $status }) { userErrors { message } } }";
    for (number, (node, status)) in
        [(first, "CONFIRMED"), (second, "SHIPPED"), (first, "DELIVERED")].into_iter().enumerate()
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
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_mongodb_and_redis_deliver_each_others_updates() {
    nodes_deliver_each_others_updates(Some(&service("ORDERWIRE_TEST_REDIS_URL"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_mongodb_alone_deliver_each_others_updates() {
    nodes_deliver_each_others_updates(None).await;
}

/// The buyer cancels on the second node. A subscriber to the order and one to its product are on the first node.
async fn nodes_show_a_cancelled_order(redis: Option<&str>) {
    let (pair, staff, buyer) = pair_with_staff_and_buyer(redis).await;
    let Pair { first, second, .. } = &pair;
    let (order, product) = place_order(&pair, &staff, &buyer).await;

    let watch = format!(
        "subscription {{ orderUpdates(orderId: {order}) {{ kind previousStatus order {{ status version history {{ to reason }} }} }} }}"
    );
    let mut orders = first.subscribe(&staff, &watch).await;
    assert_eq!(update(&mut orders).await["kind"], "SNAPSHOT");
    let watch = format!("subscription {{ stockUpdates(productIds: [{product}]) {{ stock version }} }}");
    let mut stock = first.subscribe(&staff, &watch).await;
    assert_eq!(stock.receive().await["payload"]["data"]["stockUpdates"], json!({ "stock": 8, "version": 2 }));

    let cancel = "mutation ($order: ID!) { cancelOrder(input: { orderId: $order, reason: \"too late\" }) { order { status } userErrors { message } } }";
    let cancelled = second.query(Some(&buyer), cancel, json!({ "order": order })).await;
    assert_eq!(cancelled["cancelOrder"], json!({ "order": { "status": "CANCELLED" }, "userErrors": [] }));
    assert_eq!(
        update(&mut orders).await,
        json!({
            "kind": "STATUS_CHANGED",
            "previousStatus": "PENDING",
            "order": {
                "status": "CANCELLED",
                "version": 2,
                "history": [{ "to": "PENDING", "reason": null }, { "to": "CANCELLED", "reason": "too late" }],
            },
        })
    );
    assert_eq!(stock.receive().await["payload"]["data"]["stockUpdates"], json!({ "stock": 9, "version": 3 }));
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_mongodb_and_redis_show_a_cancelled_order_and_its_returned_stock_to_each_others_subscribers() {
    nodes_show_a_cancelled_order(Some(&service("ORDERWIRE_TEST_REDIS_URL"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_mongodb_alone_show_a_cancelled_order_and_its_returned_stock_to_each_others_subscribers() {
    nodes_show_a_cancelled_order(None).await;
}

const WATCH: &str = "subscription { taskUpdates { kind } }";

const CHANGE_ROLE: &str =
    "mutation ($user: ID!) { updateUserRole(input: { userId: $user, role: STAFF }) { userErrors { message } } }";

/// Each mutation that ends a user's rights, and whether an admin sends it.
const ENDS: [(&str, bool); 5] = [
    ("mutation { logout { userErrors { message } } }", false),
    ("mutation { logoutEverywhere { userErrors { message } } }", false),
    (
        "mutation ($password: String!) { changePassword(input: { currentPassword: $password, newPassword: $password }) { userErrors { message } } }",
        false,
    ),
    (CHANGE_ROLE, true),
    ("mutation ($user: ID!) { deleteUser(input: { userId: $user }) { userErrors { message } } }", true),
];

/// Whether the server answers a ping over this socket. It may send pings of its own before.
async fn is_open(socket: &mut Client) -> bool {
    socket.send(json!({ "type": "ping" })).await;
    loop {
        match socket.receive().await["type"].as_str() {
            Some("ping") => {}
            answer => return answer == Some("pong"),
        }
    }
}

async fn nodes_close_sockets_after_rights_end(redis: Option<&str>) {
    let variables: Vec<_> = redis.map(|url| ("REDIS_URL", url)).into_iter().collect();
    let pair = Pair::start(&variables).await;
    let Pair { first, second, .. } = &pair;
    pair.new_user("admin", UserRole::Admin).await;
    let (admin, bystander) = (first.token("admin").await, pair.new_user("bystander", UserRole::Customer).await);
    let mut untouched = second.subscribe(&second.token("bystander").await, WATCH).await;
    for (number, (mutation, by_admin)) in ENDS.into_iter().enumerate() {
        let name = format!("user{number}");
        let user = pair.new_user(&name, UserRole::Customer).await;
        let token = first.token(&name).await;
        let mut sockets = [first.subscribe(&token, WATCH).await, second.subscribe(&token, WATCH).await];
        let mut other_session = first.subscribe(&second.token(&name).await, WATCH).await;
        let variables = json!({ "user": user.id.to_string(), "password": PASSWORD });
        let who = if by_admin { &admin } else { &token };
        let payload = first.query(Some(who), mutation, variables).await;
        // What the mutation itself takes, such as to hash passwords, comes before the end.
        let ended = Stopwatch::start();
        assert!(payload.to_string().contains("\"userErrors\":[]"), "{mutation}: {payload}");
        // The other node may still have the session in its cache.
        let mut late = Client::connect(second.address, ws::MODERN).await;
        let authorization = format!("Bearer {token}");
        late.send(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
        for socket in &mut sockets {
            assert_eq!(socket.closed().await, (4403, "Session ended".to_owned()), "{mutation}");
        }
        // With another role the session goes on, and the late connection may have that role already.
        if mutation != CHANGE_ROLE {
            assert_eq!(late.closed().await.0, 4403, "{mutation}");
        }
        if number > 0 {
            assert_eq!(other_session.closed().await.0, 4403, "{mutation}");
        }
        assert!(ended.elapsed() < PROMISE, "{mutation}: {:?}", ended.elapsed());
        if number == 0 {
            assert!(is_open(&mut other_session).await, "a logout ends one session");
        }
    }
    assert!(is_open(&mut untouched).await, "{bystander:?}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_close_sockets_within_two_seconds_after_rights_end() {
    nodes_close_sockets_after_rights_end(Some(&service("ORDERWIRE_TEST_REDIS_URL"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_without_redis_close_sockets_within_two_seconds_after_rights_end() {
    nodes_close_sockets_after_rights_end(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_redis_is_away_close_sockets_within_two_seconds_after_rights_end() {
    // Nothing listens on the discard port.
    nodes_close_sockets_after_rights_end(Some("redis://127.0.0.1:9")).await;
}

/// A key that is made on the first node and revoked there ends its sockets, streams and requests on the second.
async fn nodes_end_what_a_key_has_opened(redis: Option<&str>) {
    let variables: Vec<_> = redis.map(|url| ("REDIS_URL", url)).into_iter().collect();
    let pair = Pair::start(&variables).await;
    let Pair { first, second, .. } = &pair;
    pair.new_user("admin", UserRole::Admin).await;
    let admin = first.token("admin").await;
    let create = "mutation { createApiKey(input: { name: \"K\", scopes: [READ_TASKS] }) { apiKey { id } secret } }";
    let made = first.query(Some(&admin), create, json!({})).await["createApiKey"].clone();
    let secret = made["secret"].as_str().unwrap();
    let tasks = "{ tasks { totalCount } }";
    assert_eq!(second.query(Some(secret), tasks, json!({})).await["tasks"]["totalCount"], 0);
    let mut sockets = [first.subscribe(secret, WATCH).await, second.subscribe(secret, WATCH).await];
    let client = reqwest::Client::new();
    let stream = client.post(format!("http://{}/graphql", second.address)).bearer_auth(secret);
    let stream = stream.header("accept", "text/event-stream").json(&json!({ "query": WATCH }));
    let mut stream = stream.send().await.unwrap();
    assert_eq!(stream.status(), 200);

    let revoke = "mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { userErrors { message } } }";
    first.query(Some(&admin), revoke, json!({ "id": made["apiKey"]["id"] })).await;
    let ended = Stopwatch::start();
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, (4403, "API key not valid any more".to_owned()));
    }
    let last = next_event(&mut stream).await;
    assert!(last.contains("UNAUTHENTICATED"), "{last}");
    wait_until("the second node refuses the key", PROMISE, async || {
        let request = client.post(format!("http://{}/graphql", second.address)).bearer_auth(secret);
        let answer: Value = request.json(&json!({ "query": tasks })).send().await.unwrap().json().await.unwrap();
        answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    })
    .await;
    assert!(ended.elapsed() < PROMISE, "{:?}", ended.elapsed());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_end_what_a_key_has_opened_within_two_seconds_after_it_is_revoked() {
    nodes_end_what_a_key_has_opened(Some(&service("ORDERWIRE_TEST_REDIS_URL"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_without_redis_end_what_a_key_has_opened_within_two_seconds_after_it_is_revoked() {
    nodes_end_what_a_key_has_opened(None).await;
}

/// Opens an event stream as a browser's `EventSource` does.
async fn event_stream(node: &Node, query: &str, ticket: &str, after: Option<&str>) -> reqwest::Response {
    let url = format!("http://{}/graphql", node.address);
    let mut request = reqwest::Client::new().get(url).query(&[("query", query), ("ticket", ticket)]);
    request = request.header("accept", "text/event-stream");
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    request.send().await.unwrap()
}

/// Returns the next event with a result, or the text with which the stream ended.
async fn next_event(stream: &mut reqwest::Response) -> String {
    let mut text = String::new();
    while let Some(chunk) = timeout(ws::TIMEOUT, stream.chunk()).await.expect("a chunk in time").unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
        if text.contains("event: next") {
            return text;
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_resume_a_ticket_stream_until_its_session_ends() {
    let pair = Pair::start(&[]).await;
    let Pair { first, second, .. } = &pair;
    pair.new_user("anna", UserRole::Customer).await;
    let token = first.token("anna").await;
    let query = "subscription { taskUpdates { kind task { title } } }";
    let make = "mutation ($query: String!) { createStreamTicket(input: { query: $query }) { ticket { value expiresAt } userErrors { message } } }";
    let made = first.query(Some(&token), make, json!({ "query": query })).await;
    let ticket = made["createStreamTicket"]["ticket"]["value"].as_str().unwrap().to_owned();
    let create = async |title: &str| {
        let task = "mutation ($title: String!) { createTask(input: { title: $title }) { userErrors { message } } }";
        first.query(Some(&token), task, json!({ "title": title })).await;
    };

    let mut stream = event_stream(second, query, &ticket, None).await;
    // The first heartbeat carries the position to resume from.
    let mut opening = String::new();
    while !opening.contains("id: ") {
        let chunk = timeout(ws::TIMEOUT, stream.chunk()).await.expect("a chunk in time").unwrap().unwrap();
        opening += std::str::from_utf8(&chunk).unwrap();
    }
    create("one").await;
    let event = next_event(&mut stream).await;
    assert!(event.contains("\"title\":\"one\""), "{event}");
    let id = event.split("id: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    drop(stream);
    create("two").await;
    create("three").await;
    let mut stream = event_stream(first, query, &ticket, Some(&id)).await;
    let mut events = String::new();
    while !events.contains("three") {
        events += &next_event(&mut stream).await;
    }
    assert!(events.contains("two") && !events.contains("one"), "{events}");

    assert_eq!(event_stream(second, "subscription { orderUpdates { kind } }", &ticket, None).await.status(), 401);
    assert_eq!(event_stream(second, query, &token, None).await.status(), 401, "an access token is no ticket");
    let ended = Stopwatch::start();
    first.query(Some(&token), "mutation { logout { userErrors { message } } }", json!({})).await;
    let event = next_event(&mut stream).await;
    assert!(event.contains("UNAUTHENTICATED") && event.contains("event: complete"), "{event}");
    assert!(ended.elapsed() < PROMISE, "{:?}", ended.elapsed());
    let refused = async || event_stream(first, query, &ticket, Some(&id)).await.status() == 401;
    let closed = Stopwatch::start();
    wait_until("the ticket is refused", ws::TIMEOUT, refused).await;
    assert!(closed.elapsed() < PROMISE, "{:?}", closed.elapsed());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_close_sockets_when_their_tokens_expire() {
    let pair = Pair::start(&[("ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME", "6s")]).await;
    pair.new_user("anna", UserRole::Customer).await;
    let token = pair.first.token("anna").await;
    let mut sockets = [pair.first.subscribe(&token, WATCH).await, pair.second.subscribe(&token, WATCH).await];
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, (4403, "Token expired".to_owned()));
    }
    pair.stop().await;
}
