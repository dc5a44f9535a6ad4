//! API keys over every transport of a real server: they open it, have a limit of their own, and end with their revocation.

use std::{sync::Arc, time::Duration};

use orderwire::{
    app::App,
    auth::ApiKeySecret,
    config::{Config, RateLimit},
    domain::{ApiKeyId, Scope, TokenBucket, UserRole, Viewer},
    service::{CreateApiKey, Registration, Service},
    telemetry::metrics,
};
use serde_json::{Value, json};

use crate::support::{app, app::RunningApp as Server, stopwatch::Stopwatch, subscriber::Subscriber, ws};

/// The promised time within which a revocation ends what the key opened.
const PROMISE: Duration = Duration::from_secs(2);
const WATCH: &str = "subscription { orderUpdates { kind } }";

struct Shop {
    server: Server,
    service: Arc<Service>,
    admin: Viewer,
}

impl Shop {
    async fn start(config: &Config) -> Self {
        let app = App::start(config).await.unwrap();
        let service = app.core().service().clone();
        let (email, name) = ("admin@example.com".to_owned(), "Admin".to_owned());
        let registration = Registration { email, name, region: None, password: None };
        let admin = service.create_user(&Viewer::System, registration, UserRole::Admin).await.unwrap();
        let admin = service.open_session(&Viewer::System, admin.id).await.unwrap().viewer();
        Self { server: Server::run(app), service, admin }
    }

    /// Makes a key, and returns its id and what a client sends as `Authorization`.
    async fn key(&self, scope: Scope) -> (ApiKeyId, String) {
        let create = CreateApiKey { name: "K".to_owned(), scopes: vec![scope], expires_at: None };
        let (key, secret) = self.service.create_api_key(&self.admin, create).await.unwrap();
        (key.id, format!("Bearer {}", secret.reveal()))
    }

    async fn post(&self, authorization: &str, query: &str) -> Value {
        let request = self.server.request(false, &json!({ "query": query })).header("authorization", authorization);
        request.header("accept", "application/graphql-response+json").send().await.unwrap().json().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_every_transport_and_its_revocation_ends_all_of_them() {
    let shop = Shop::start(&app::config()).await;
    let (id, authorization) = shop.key(Scope::ReadOrders).await;
    let query = json!({ "query": "{ me { id } orders { totalCount } }" });
    for (transport, answer) in shop.server.answers_to(&authorization, &query).await {
        assert_eq!(answer["data"], json!({ "me": null, "orders": { "totalCount": 0 } }), "{transport}: {answer}");
    }
    let refused = json!({ "query": "{ users { totalCount } }" });
    for (transport, answer) in shop.server.answers_to(&authorization, &refused).await {
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{transport}: {answer}");
        assert_eq!(error["message"], "the API key lacks the scope READ_USERS", "{transport}");
    }

    let (_, kept) = shop.key(Scope::ReadOrders).await;
    let mut subscribers = shop.server.subscribers(&authorization, &json!({ "query": WATCH })).await;
    let mut others = shop.server.subscribers(&kept, &json!({ "query": WATCH })).await;
    shop.service.revoke_api_key(&shop.admin, id).await.unwrap();
    let ended = Stopwatch::start();
    for (transport, subscriber) in &mut subscribers {
        match subscriber {
            Subscriber::Socket(client) => {
                assert_eq!(client.closed().await, (4403, "API key not valid any more".to_owned()), "{transport}");
            }
            stream @ Subscriber::Stream(..) => while stream.next().await.is_some() {},
        }
    }
    assert!(ended.elapsed() < PROMISE, "{:?}", ended.elapsed());
    let answer = shop.post(&authorization, "{ products { totalCount } }").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    for (_, other) in &mut others {
        if let Subscriber::Socket(client) = other {
            client.send(json!({ "id": "2", "type": "ping" })).await;
        }
    }
    let answer = shop.post(&kept, "{ orders { totalCount } }").await;
    assert_eq!(answer["data"]["orders"]["totalCount"], 0, "another key goes on");
    drop(others);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_renewed_with_its_own_key_and_with_no_other() {
    let shop = Shop::start(&app::config()).await;
    let [(_, own), (_, other)] = [shop.key(Scope::ReadOrders).await, shop.key(Scope::ReadOrders).await];
    let mut client =
        ws::Client::open_with(shop.server.address, ws::MODERN, json!({ "authorization": own.clone() })).await;
    let mut renew = async |authorization: &str| {
        client.send(json!({ "type": "ping", "payload": { "authorization": authorization } })).await;
        client.receive().await["type"].clone()
    };
    assert_eq!(renew(&own).await, "pong");
    client.send(json!({ "type": "ping", "payload": { "authorization": other } })).await;
    assert_eq!(client.closed().await.0, 4403);
    shop.server.stop().await;
}

/// A secret of the right form that no key has costs a read of the database each time, so an address may try as many as it may send
/// requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_are_looked_up_within_the_limit_of_requests_of_their_address() {
    let mut config = app::config();
    config.server.unlimited_networks.clear();
    config.rate_limits.requests_per_address = RateLimit(Some(TokenBucket::new(5, Duration::from_secs(3600))));
    let shop = Shop::start(&config).await;
    let unknown = || format!("Bearer {}", ApiKeySecret::generate().reveal());
    let looked_up = || metrics().storage_calls.with_labels(["sqlite", "api_key_by_secret", "ok"]).get();
    // The handshakes of sockets are requests, too.
    for read in 1..=2 {
        let payload = json!({ "authorization": unknown() });
        let mut socket = ws::Client::connect(shop.server.address, ws::MODERN).await;
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, (4403, "Forbidden".to_owned()));
        assert_eq!(looked_up(), read);
    }
    for (code, read) in [
        ("UNAUTHENTICATED", 3),
        ("UNAUTHENTICATED", 4),
        ("UNAUTHENTICATED", 5),
        ("RATE_LIMITED", 5),
        ("RATE_LIMITED", 5),
    ] {
        let answer = shop.post(&unknown(), "{ __typename }").await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
        assert_eq!(looked_up(), read, "{code}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_has_a_rate_limit_of_its_own() {
    let mut config = app::config();
    let limit = RateLimit(Some(TokenBucket::new(40, Duration::from_secs(3600))));
    (config.rate_limits.staff_cost, config.rate_limits.admin_cost) = (limit, limit);
    let shop = Shop::start(&config).await;
    let [(_, one), (_, other)] = [shop.key(Scope::ReadOrders).await, shop.key(Scope::ReadOrders).await];
    let mut answered = 0;
    loop {
        let answer = shop.post(&one, "{ orders(first: 5) { nodes { id } } }").await;
        match answer["errors"][0]["extensions"]["code"].as_str() {
            Some(code) => break assert_eq!(code, "RATE_LIMITED", "{answer}"),
            None => answered += 1,
        }
    }
    assert!(answered > 0);
    let answer = shop.post(&other, "{ orders(first: 5) { nodes { id } } }").await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    shop.server.stop().await;
}
