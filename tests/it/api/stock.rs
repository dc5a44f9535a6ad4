//! The live-stock subscription: the state of some products, then each change of these products only.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use async_graphql::Response;
use futures_util::{StreamExt, poll, stream::BoxStream};
use orderwire::domain::{UserRole, Viewer};
use serde_json::json;

use crate::support::{
    api::{TestApi, next},
    wait_until,
    ws::TIMEOUT,
};

on_each_engine! {
    live_stock_sends_the_current_state_and_then_changes
    an_archived_product_is_sent_once_more_to_everyone
    changes_of_unwatched_products_wake_no_subscriber
}

const WATCH: &str = "subscription ($ids: [ID!]!) { stockUpdates(productIds: $ids) { id stock } }";

/// Creates `N` products with 10 units each; returns a staff viewer and the ids.
async fn shop<const N: usize>(api: &TestApi) -> (Viewer, [String; N]) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let mut ids = Vec::new();
    for number in 0..N {
        let input = json!({ "sku": format!("SKU-{number}"), "name": "Lamp", "price": "1.25", "stock": 10 });
        ids.push(api.product(staff, input).await.as_str().unwrap().to_owned());
    }
    (staff, ids.try_into().unwrap())
}

async fn adjust(api: &TestApi, staff: Viewer, id: &str, by: i32) {
    let document = "mutation ($id: ID!, $by: Int!) { adjustStock(input: { productId: $id, delta: $by }) {
        product { stock } userErrors { message } } }";
    let adjusted = api.data(staff, document, json!({ "id": id, "by": by })).await;
    assert_eq!(adjusted["adjustStock"]["userErrors"], json!([]));
}

async fn archive(api: &TestApi, staff: Viewer, id: &str) {
    let document = "mutation ($id: ID!) { archiveProduct(input: { id: $id }) { userErrors { message } } }";
    let archived = api.data(staff, document, json!({ "id": id })).await;
    assert_eq!(archived["archiveProduct"]["userErrors"], json!([]));
}

fn state(response: Response) -> (String, i64) {
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let product = &response.data.into_json().unwrap()["stockUpdates"];
    (product["id"].as_str().unwrap().to_owned(), product["stock"].as_i64().unwrap())
}

async fn next_state(stream: &mut BoxStream<'static, Response>) -> (String, i64) {
    state(next(stream).await)
}

async fn live_stock_sends_the_current_state_and_then_changes(api: TestApi) {
    let (staff, [lamp, desk, chair]) = shop(&api).await;
    // An id that is named twice is sent once.
    let mut watched = api.stream(Viewer::Anonymous, WATCH, json!({ "ids": [&lamp, &desk, &lamp] }));
    let mut first = [next_state(&mut watched).await, next_state(&mut watched).await];
    first.sort();
    let mut expected = [(lamp.clone(), 10), (desk.clone(), 10)];
    expected.sort();
    assert_eq!(first, expected);
    assert!(poll!(watched.next()).is_pending());
    for (id, by) in [(&chair, 5), (&desk, -3), (&chair, -1), (&lamp, 2), (&desk, 1)] {
        adjust(&api, staff, id, by).await;
    }
    let changes = [next_state(&mut watched).await, next_state(&mut watched).await, next_state(&mut watched).await];
    assert_eq!(changes, [(desk.clone(), 7), (lamp, 12), (desk, 8)]);
    assert!(poll!(watched.next()).is_pending());
}

async fn an_archived_product_is_sent_once_more_to_everyone(api: TestApi) {
    let (staff, [lamp, desk]) = shop(&api).await;
    let ids = json!({ "ids": [&lamp, &desk] });
    let watch = "subscription ($ids: [ID!]!) { stockUpdates(productIds: $ids) { id stock status } }";
    let mut streams = [Viewer::Anonymous, staff].map(|viewer| api.stream(viewer, watch, ids.clone()));
    for stream in &mut streams {
        next_state(stream).await;
        next_state(stream).await;
        assert!(poll!(stream.next()).is_pending());
    }
    archive(&api, staff, &lamp).await;
    for stream in &mut streams {
        let expected = json!({ "id": lamp, "stock": 10, "status": "ARCHIVED" });
        assert_eq!(next(stream).await.data.into_json().unwrap()["stockUpdates"], expected);
    }
    adjust(&api, staff, &lamp, 5).await;
    adjust(&api, staff, &desk, 1).await;
    let [customer, colleague] = &mut streams;
    assert_eq!(next_state(colleague).await, (lamp.clone(), 15));
    assert_eq!([next_state(customer).await, next_state(colleague).await], [(desk.clone(), 11), (desk.clone(), 11)]);
    // Who comes later does not learn that it exists.
    let mut late = api.stream(Viewer::Anonymous, WATCH, ids);
    assert_eq!(next_state(&mut late).await, (desk.clone(), 11));
    adjust(&api, staff, &lamp, 1).await;
    adjust(&api, staff, &desk, 1).await;
    assert_eq!(next_state(&mut late).await, (desk, 12));
}

/// A waker that counts its wake-ups.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

async fn changes_of_unwatched_products_wake_no_subscriber(api: TestApi) {
    let (staff, [lamp, desk]) = shop(&api).await;
    let watch = |id: &str| api.stream(Viewer::Anonymous, WATCH, json!({ "ids": [id] }));
    let (mut quiet, mut busy) = (watch(&lamp), watch(&desk));
    assert_eq!(next_state(&mut quiet).await.1, 10);
    assert_eq!(next_state(&mut busy).await.1, 10);
    // From here on, the creation of both products is behind the subscription's position.
    adjust(&api, staff, &desk, 1).await;
    assert_eq!(next_state(&mut busy).await.1, 11);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut poll_quiet = || quiet.poll_next_unpin(&mut Context::from_waker(&waker));
    assert!(poll_quiet().is_pending());
    for stock in 12..=14 {
        adjust(&api, staff, &desk, 1).await;
        assert_eq!(next_state(&mut busy).await.1, stock);
    }
    assert_eq!(woken.0.load(SeqCst), 0);
    adjust(&api, staff, &lamp, 1).await;
    wait_until("it is woken", TIMEOUT, async || woken.0.load(SeqCst) > 0).await;
    let Poll::Ready(Some(update)) = poll_quiet() else { panic!("it was woken for nothing") };
    assert_eq!(state(update), (lamp, 11));
}
