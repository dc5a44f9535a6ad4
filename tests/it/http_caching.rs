//! Answers that caches may keep, on a real server.

use std::sync::Arc;

use orderwire::{
    app::App,
    config::Config,
    domain::{CurrencyCode, Decimal, NewProduct, Product, Viewer},
    service::{AdjustStock, Service},
    storage::CallCounts,
};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{self, app::RunningApp as Server, wait_until, ws::TIMEOUT};

/// An address outside of private networks, which have no limits.
const CLIENT: &str = "192.0.2.1";

const PRODUCT: &str = "query ($id: ID!) { __typename product(id: $id) { name stock price { amount } } }";
const PRODUCTS: &str =
    "query { products(first: 5) { totalCount pageInfo { hasNextPage } edges { cursor node { id stock } } } }";

struct Shop {
    server: Server,
    service: Arc<Service>,
    calls: CallCounts,
    lamp: Product,
    chair: Product,
}

impl Shop {
    async fn open() -> Self {
        let mut config: Config = support::app::config();
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        // So that a query that runs reads.
        config.cache.bytes = 0;
        let calls = CallCounts::default();
        let app = App::start_counted(&config, Some(calls.clone())).await.unwrap();
        let service = app.core().service().clone();
        let product = async |name: &str| {
            let new = NewProduct::new(name, name, Decimal::ZERO, CurrencyCode::GBP);
            let new = NewProduct { description: Some(format!("{name} ").repeat(500)), stock: 10, ..new };
            service.create_product(&Viewer::System, new).await.unwrap()
        };
        let (lamp, chair) = (product("lamp").await, product("chair").await);
        let shop = Self { server: Server::run(app), service: service.clone(), calls, lamp, chair };
        // A later entry would look like a change.
        shop.adjust(&shop.chair).await;
        shop
    }

    /// A request that names this document, which is registered before.
    async fn registered(&self, query: &str, variables: Value) -> Value {
        let hash: String = Sha256::digest(query).iter().map(|byte| format!("{byte:02x}")).collect();
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        let request = json!({ "query": query, "variables": variables, "extensions": extensions });
        self.server.answer(false, &request).await;
        json!({ "variables": variables, "extensions": extensions })
    }

    fn get(&self, request: &Value) -> RequestBuilder {
        self.server.request(true, request).header("x-forwarded-for", CLIENT)
    }

    /// Sends a request of a client that has the answer with this tag.
    async fn revalidate(&self, request: &Value, tag: &str) -> Response {
        self.get(request).header(header::IF_NONE_MATCH, tag).send().await.unwrap()
    }

    /// Waits until the client's answer is known to be the same without a look at the products. A busy node's feed may be
    /// behind for a moment, and then it can't tell.
    async fn is_known_to_be_the_same(&self, request: &Value, tag: &str) {
        wait_until("the query need not run", TIMEOUT, async || {
            self.reads();
            let same = self.revalidate(request, tag).await;
            assert_eq!((same.status(), tag_of_kept(&same)), (StatusCode::NOT_MODIFIED, tag.to_owned()));
            assert!(same.bytes().await.unwrap().is_empty());
            self.reads() == 0
        })
        .await;
    }

    /// Changes the stock of a product, and waits until the node's feed has the entry.
    async fn adjust(&self, product: &Product) {
        let before = self.service.head();
        let one = AdjustStock { product: product.id, delta: 1, reason: None, idempotency_key: None };
        self.service.adjust_stock(&Viewer::System, one).await.unwrap();
        wait_until("the feed has the entry", TIMEOUT, async || self.service.head() != before).await;
    }

    /// How often products were read since the last call of this function.
    fn reads(&self) -> u64 {
        self.calls.take().iter().filter(|(call, _)| call.contains("products")).map(|(_, times)| times).sum()
    }
}

fn header(response: &Response, name: &str) -> String {
    let values = response.headers().get_all(name).iter().map(|value| value.to_str().unwrap());
    values.collect::<Vec<_>>().join(", ")
}

/// Checks that caches may keep the answer, and returns its tag.
fn tag_of_kept(response: &Response) -> String {
    assert_eq!(header(response, "cache-control"), "public, max-age=5");
    let vary = header(response, "vary");
    assert!(
        vary.starts_with("accept, authorization, orderwire-consistency") && vary.len() <= 128,
        "nginx takes no more: {vary}"
    );
    assert_eq!(response.headers().get_all("vary").iter().count(), 1, "and the last of several only");
    assert!(!response.headers().contains_key("ratelimit-remaining"), "{:?}", response.headers());
    let tag = header(response, "etag");
    assert!(tag.starts_with("W/\""), "{tag:?}");
    tag
}

#[tokio::test]
async fn an_answer_is_sent_again_only_after_a_change_and_looked_up_only_if_one_is_possible() {
    let shop = Shop::open().await;
    for (query, variables, is_listed) in
        [(PRODUCT, json!({ "id": shop.lamp.id.to_string() }), false), (PRODUCTS, json!({}), true)]
    {
        let request = shop.registered(query, variables).await;
        let first = shop.get(&request).send().await.unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let tag = tag_of_kept(&first);
        let body: Value = first.json().await.unwrap();
        assert_eq!(body.get("errors"), None, "{body}");

        shop.is_known_to_be_the_same(&request, &tag).await;
        let listed = shop.revalidate(&request, &format!("\"other\", {tag}")).await;
        assert_eq!(listed.status(), StatusCode::NOT_MODIFIED);

        shop.adjust(&shop.chair).await;
        if is_listed {
            assert_eq!(shop.revalidate(&request, &tag).await.status(), StatusCode::OK);
        } else {
            shop.is_known_to_be_the_same(&request, &tag).await;
        }
        let tag = tag_of_kept(&shop.get(&request).send().await.unwrap());
        shop.adjust(&shop.lamp).await;
        let changed = shop.revalidate(&request, &tag).await;
        assert_eq!(changed.status(), StatusCode::OK);
        assert_ne!(tag_of_kept(&changed), tag);
        assert_ne!(changed.json::<Value>().await.unwrap(), body);
    }
    shop.server.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_the_same_after_a_change_is_not_sent_again() {
    let shop = Shop::open().await;
    let request = shop.registered("{ products { nodes { name } } }", json!({})).await;
    let tag = tag_of_kept(&shop.get(&request).send().await.unwrap());
    shop.adjust(&shop.lamp).await;
    shop.reads();
    let same = shop.revalidate(&request, &tag).await;
    assert_eq!((same.status(), tag_of_kept(&same)), (StatusCode::NOT_MODIFIED, tag.clone()));
    assert_eq!(shop.reads(), 1, "its query runs once after the change");
    shop.is_known_to_be_the_same(&request, &tag).await;
    shop.server.stop().await;
}

#[tokio::test]
async fn formats_and_codings_of_an_answer_share_its_tag() {
    let shop = Shop::open().await;
    let id = shop.lamp.id.to_string();
    let request = shop.registered("query ($id: ID!) { product(id: $id) { description } }", json!({ "id": id })).await;
    let mut tags = Vec::new();
    for (accept, coding) in
        [("application/json", ""), ("application/graphql-response+json", ""), ("application/json", "gzip")]
    {
        let get = shop.get(&request).header(header::ACCEPT, accept);
        let answer = get.header(header::ACCEPT_ENCODING, coding).send().await.unwrap();
        assert!(header(&answer, "content-type").starts_with(accept));
        assert_eq!(header(&answer, "content-encoding"), coding);
        assert!(header(&answer, "vary").contains("accept-encoding"), "{:?}", answer.headers());
        tags.push(tag_of_kept(&answer));
    }
    assert_eq!(tags, [tags[0].as_str(); 3]);
    let head = shop.server.request(true, &request).build().unwrap();
    let head = reqwest::Client::new().head(head.url().clone()).send().await.unwrap();
    assert_eq!(tag_of_kept(&head), tags[0]);
    shop.server.stop().await;
}

#[tokio::test]
async fn answers_are_not_kept_without_a_hint_a_name_or_for_a_user() {
    let shop = Shop::open().await;
    let id = json!({ "id": shop.lamp.id.to_string() });
    let product = shop.registered(PRODUCT, id.clone()).await;
    let input = json!({ "email": "ann@example.com", "name": "Ann", "password": "correct horse battery staple" });
    let register = "mutation ($input: RegisterInput!) { register(input: $input) { session { accessToken } } }";
    let (_, ann) = shop.server.answer(false, &json!({ "query": register, "variables": { "input": input } })).await;
    let token = ann["data"]["register"]["session"]["accessToken"].as_str().unwrap();
    let mut with_cost = product.clone();
    with_cost["extensions"]["cost"] = json!(true);
    let mut not_kept = vec![
        ("by POST", shop.server.request(false, &product)),
        ("for a user", shop.get(&product).bearer_auth(token)),
        ("with its cost", shop.get(&with_cost)),
        ("not registered", shop.get(&json!({ "query": PRODUCT, "variables": id }))),
        ("as a stream", shop.get(&product).header(header::ACCEPT, "text/event-stream")),
        ("an invalid id", shop.get(&shop.registered(PRODUCT, json!({ "id": "x" })).await)),
    ];
    for query in [
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "query ($id: ID!) { node(id: $id) { id } }",
        "query ($id: ID!) { product(id: $id) { name } node(id: $id) { id } }",
        "query ($id: ID!) { product(id: $id) { name } me { id } }",
        "{ products { nodes { name } } orders { nodes { id } } }",
    ] {
        let variables = if query.contains("$id") { id.clone() } else { json!({}) };
        not_kept.push((query, shop.get(&shop.registered(query, variables).await)));
    }
    for (what, request) in not_kept {
        let answer = request.header(header::IF_NONE_MATCH, "*").send().await.unwrap();
        assert_eq!(
            (header(&answer, "cache-control").as_str(), answer.status()),
            ("no-store", StatusCode::OK),
            "{what}"
        );
        assert!(!answer.headers().contains_key("etag"), "{what}");
    }
    shop.server.stop().await;
}
