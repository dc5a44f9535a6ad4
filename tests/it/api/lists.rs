//! Connections (paged lists) as clients use them. The contract tests cover the engines' lists.

use std::sync::Arc;

use orderwire::domain::{UserRole, Viewer};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::api::TestApi;

on_each_engine! {
    trending_products_are_shown_as_they_are_now_on_every_node
    sales_are_counted_once_although_the_first_caller_leaves
    consecutive_pages_have_no_gap_or_overlap
    page_sizes_and_cursors_are_validated
    search_results_are_ordered_by_relevance
    filters_of_nested_lists_stay_inside_their_parent
}

const PAGE: &str = "query ($first: Int, $after: String, $last: Int, $before: String, $order: ProductOrder) {
    products(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
        nodes { sku } edges { cursor } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

/// Creates 23 products at 5 prices; returns a staff viewer.
async fn catalogue(api: &TestApi) -> Viewer {
    let staff = api.viewer("staff", UserRole::Staff).await;
    for number in 0..23 {
        let input = json!({ "sku": format!("P{number:02}"), "name": format!("Red lamp {number:02}"), "price": format!("{}.50", number % 5) });
        let create =
            "mutation ($input: CreateProductInput!) { createProduct(input: $input) { userErrors { message } } }";
        assert_eq!(api.data(staff, create, json!({ "input": input })).await["createProduct"]["userErrors"], json!([]));
    }
    staff
}

fn skus(page: &Value) -> Vec<String> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["sku"].as_str().unwrap().to_owned()).collect()
}

async fn consecutive_pages_have_no_gap_or_overlap(api: TestApi) {
    let staff = catalogue(&api).await;
    let order = json!({ "field": "PRICE", "direction": "DESC" });
    let all = api.data(staff, PAGE, json!({ "first": 100, "order": order })).await["products"].clone();
    assert_eq!((skus(&all).len(), &all["totalCount"]), (23, &json!(23)));

    let (mut forward, mut after) = (Vec::new(), Value::Null);
    loop {
        let page =
            api.data(staff, PAGE, json!({ "first": 5, "after": after, "order": order })).await["products"].clone();
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !forward.is_empty());
        assert_eq!(page["pageInfo"]["startCursor"], page["edges"][0]["cursor"]);
        forward.extend(skus(&page));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(forward, skus(&all));

    let (mut backward, mut before) = (Vec::new(), Value::Null);
    loop {
        let page =
            api.data(staff, PAGE, json!({ "last": 7, "before": before, "order": order })).await["products"].clone();
        assert_eq!(page["pageInfo"]["hasNextPage"], !backward.is_empty());
        backward.splice(0..0, skus(&page));
        if page["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
        before = page["pageInfo"]["startCursor"].clone();
    }
    assert_eq!(backward, skus(&all));
    assert_eq!(skus(&api.data(staff, PAGE, json!({})).await["products"]).len(), 20, "the default page size");
    let none = api.data(staff, PAGE, json!({ "first": 0 })).await["products"].clone();
    assert_eq!(
        (skus(&none).len(), &none["pageInfo"]["hasNextPage"], &none["totalCount"]),
        (0, &json!(true), &json!(23))
    );
}

async fn page_sizes_and_cursors_are_validated(api: TestApi) {
    let staff = catalogue(&api).await;
    let by_name = api.data(staff, PAGE, json!({ "first": 1 })).await["products"]["pageInfo"]["endCursor"].clone();
    let mangled = by_name.as_str().unwrap().replacen(|c: char| c.is_ascii_lowercase(), "Z", 1);
    let by_price = json!({ "field": "PRICE", "direction": "ASC" });
    for (variables, part) in [
        (json!({ "first": 1, "last": 1 }), "first and last can't be combined"),
        (json!({ "first": -1 }), "must not be negative"),
        (json!({ "last": -1 }), "must not be negative"),
        (json!({ "first": 101 }), "at most 100"),
        (json!({ "first": i32::MAX }), "at most 100"),
        (json!({ "first": 2_147_483_648_i64 }), ""),
        (json!({ "after": "nonsense" }), "not a cursor"),
        (json!({ "before": "" }), "not a cursor"),
        (json!({ "after": mangled }), "not a cursor"),
        (json!({ "after": by_name, "order": by_price }), "another list or sorting"),
        (json!({ "order": { "field": "RELEVANCE", "direction": "DESC" } }), "RELEVANCE needs words"),
    ] {
        let response = api.response(staff, PAGE, variables.clone()).await;
        assert_eq!(crate::support::api::error_codes(&response), ["BAD_USER_INPUT"], "{variables}");
        assert!(response.errors[0].message.contains(part), "{variables}: {}", response.errors[0].message);
    }
    let foreign = "query ($after: String) { users(after: $after) { nodes { id } } }";
    assert_eq!(api.codes(staff, foreign, json!({ "after": by_name })).await, ["BAD_USER_INPUT"]);
}

async fn search_results_are_ordered_by_relevance(api: TestApi) {
    let staff = catalogue(&api).await;
    let create = "mutation { createProduct(input: { sku: \"SHADE\", name: \"Shade\", description: \"Goes with a red lamp.\", price: \"1\" }) { userErrors { code } } }";
    api.data(staff, create, json!({})).await;
    let search = "query ($words: String!, $first: Int, $after: String) { products(first: $first, after: $after, filter: { search: $words }) {
        nodes { sku } totalCount pageInfo { hasNextPage endCursor } } }";
    let found = api.data(staff, search, json!({ "words": "LAMP red", "first": 100 })).await["products"].clone();
    assert_eq!((skus(&found).len(), &found["totalCount"]), (24, &json!(24)));
    assert_eq!(skus(&found).last().unwrap(), "SHADE", "words of a name count for more than those of a description");
    let first = api.data(staff, search, json!({ "words": "lamp", "first": 20 })).await["products"].clone();
    let rest =
        api.data(staff, search, json!({ "words": "lamp", "first": 20, "after": first["pageInfo"]["endCursor"] })).await;
    let mut both = [skus(&first), skus(&rest["products"])].concat();
    both.sort();
    both.dedup();
    assert_eq!(both.len(), 24);
    for (words, count) in
        [("lam", 0), ("lamp* OR shade", 0), ("\"red lamp\"", 24), ("-lamp", 24), ("re\u{301}d", 24), ("'; DROP", 0)]
    {
        let found = api.data(staff, search, json!({ "words": words })).await;
        assert_eq!(found["products"]["totalCount"], count, "{words}");
    }
}

async fn filters_of_nested_lists_stay_inside_their_parent(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let other = api.new_user("other", UserRole::Customer).await;
    let query = "query ($id: ID!) { me { orders(filter: { customerId: $id }) { nodes { id } } } }";
    assert_eq!(api.codes(staff, query, json!({ "id": other.id.to_string() })).await, ["BAD_USER_INPUT"]);
}

async fn trending_products_are_shown_as_they_are_now_on_every_node(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let other = TestApi::over(api.store.clone()).await;
    let mut ids = Vec::new();
    for sku in ["a", "b", "c"] {
        ids.push(api.product(staff, json!({ "sku": sku, "name": sku, "price": "1", "stock": 99 })).await);
    }
    let place = async |node: &TestApi, product: &Value, quantity: i32, key: &str| {
        let place =
            "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id } userErrors { code } } }";
        let input = json!({ "items": [{ "productId": product, "quantity": quantity }], "idempotencyKey": key });
        node.data(staff, place, json!({ "input": input })).await["placeOrder"]["order"]["id"].clone()
    };
    let ask = async |node: &TestApi, first: i32| {
        let query = "query ($first: Int) { trendingProducts(first: $first) { sku price { amount } } }";
        let data = node.data(Viewer::Anonymous, query, json!({ "first": first })).await;
        let products = data["trendingProducts"].as_array().unwrap().iter();
        products
            .map(|product| format!("{} {}", product["sku"], product["price"]["amount"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    let trending = async |first: i32| {
        let here = ask(&api, first).await;
        assert_eq!(here, ask(&other, first).await);
        here
    };
    assert_eq!(trending(2).await, [""; 0]);
    for (id, quantity) in ids.iter().zip([3, 2, 1]) {
        place(&api, id, quantity, &quantity.to_string()).await;
    }
    assert_eq!(trending(2).await, ["a 1.00", "b 1.00"]);
    let change = "mutation ($a: ID!, $b: ID!) {
        archiveProduct(input: { id: $a }) { userErrors { code } }
        updateProduct(input: { id: $b, price: \"2\" }) { userErrors { code } } }";
    api.data(staff, change, json!({ "a": ids[0], "b": ids[1] })).await;
    assert_eq!(trending(2).await, ["b 2.00", "c 1.00"], "an archived product makes room");
    let many = place(&other, &ids[2], 50, "many").await;
    assert_eq!(trending(100).await, ["c 1.00", "b 2.00"]);
    let cancel = "mutation ($id: ID!) { cancelOrder(input: { orderId: $id }) { userErrors { code } } }";
    api.data(staff, cancel, json!({ "id": many })).await;
    assert_eq!(trending(100).await, ["b 2.00", "c 1.00"]);
}

async fn sales_are_counted_once_although_the_first_caller_leaves(api: TestApi) {
    let (began, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, waits) = (began.clone(), goes_on.clone());
    api.run_before_calls(Arc::new(move |method| {
        let (begins, waits) = (begins.clone(), waits.clone());
        Box::pin(async move {
            if method == "count_sales" {
                begins.notify_one();
                waits.notified().await;
            }
        })
    }));
    tokio::select! {
        found = api.service.trending_products(5) => panic!("sales are not counted yet: {found:?}"),
        () = began.notified() => {}
    }
    let others = async { tokio::join!(api.service.trending_products(5), api.service.trending_products(7)) };
    let (found, ()) = tokio::join!(others, async { goes_on.notify_one() });
    assert!(found.0.unwrap().is_empty() && found.1.unwrap().is_empty());
    assert_eq!(api.all_storage_calls()["count_sales"], 1);
}
