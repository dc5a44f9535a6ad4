//! The tags of answers that anyone may get: what the API remembers of them, and until when.

use async_graphql::{
    Positioned, Response, Variables,
    parser::types::{ConstDirective, FieldDefinition},
};
use orderwire::{
    domain::{EventCursor, OrderStatus, ProductChanges, Viewer},
    graphql::{ObservedQuery, OperationRequest},
};
use serde_json::{Value, json};

use crate::support::{
    api::TestApi,
    data::{adjustment, by_system, insert_products, place, product, step},
    schema::{base_name, fields, published},
    wait_until,
    ws::TIMEOUT,
};

on_each_engine! {
    a_tag_is_remembered_until_something_changes_that_the_answer_could_depend_on
    what_a_node_has_changed_itself_is_no_longer_known_at_once
}

/// Fields of the root whose answers caches may keep, with a call of each, and what of [`CHANGES`] makes the node forget the
/// tag of its answer. An empty text: it is not remembered.
const FIELDS: &[(&str, &str, &[&str])] = &[
    ("product", "product(id: $lamp) { name stock }", &["stock", "name", "order", "return", "archive"]),
    (
        "productBySku",
        "productBySku(sku: \"lamp\") { stock }",
        &["stock", "name", "order", "return", "archive", "other"],
    ),
    (
        "products",
        "products(filter: { search: \"lamp\" }) { totalCount nodes { name } }",
        &["stock", "name", "order", "return", "archive", "other"],
    ),
    ("trendingProducts", "trendingProducts { name }", &[""]),
];

/// Changes of the lamp, and one of another product.
const CHANGES: [&str; 6] = ["stock", "name", "order", "return", "other", "archive"];

async fn a_tag_is_remembered_until_something_changes_that_the_answer_could_depend_on(api: TestApi) {
    let tabled: Vec<&str> = FIELDS.iter().map(|(field, _, _)| *field).collect();
    assert_eq!(tabled, fields_with_hints(), "say here until when each field is remembered");

    let (lamp, chair) = (product("lamp"), product("chair"));
    insert_products(&*api.store, &[&lamp, &chair]).await;
    let returned = place(&*api.store, "1", &[(&lamp, 1)]).await.unwrap().order;
    for status in [OrderStatus::Confirmed, OrderStatus::Shipped, OrderStatus::Delivered] {
        api.store.change_order_status(step(returned.id, status), by_system(1)).await.unwrap();
    }
    for (number, change) in CHANGES.into_iter().enumerate() {
        let second = 10 + number as i64;
        let stamp = by_system(second);
        let mut remembered = Vec::new();
        up_to_date(&api).await;
        for (field, call, forgotten) in FIELDS {
            let query = format!("query ($lamp: ID!) {{ {call} }}");
            let query = if call.contains("$lamp") { query } else { format!("{{ {call} }}") };
            let variables = Variables::from_json(json!({ "lamp": lamp.id.to_string() }));
            let request = || OperationRequest::new(&query).variables(variables.clone());
            let (observed, response) = api.observed(request()).await;
            expect_tag(&api, &observed, !forgotten.contains(&""), &format!("{field} before {change}")).await;
            let again = request();
            remembered.push((field, forgotten, again, observed, data(response)));
        }
        let head = api.service.head();
        match change {
            "stock" => _ = api.store.adjust_stock(adjustment(&lamp, 1), stamp).await.unwrap(),
            "name" => {
                let name = Some(format!("lamp {second}"));
                let changes = ProductChanges { name, ..ProductChanges::default() };
                api.store.update_product(lamp.id, changes, None, stamp).await.unwrap();
            }
            "order" => _ = place(&*api.store, "2", &[(&lamp, 1)]).await.unwrap(),
            "return" => {
                let step = step(returned.id, OrderStatus::Returned);
                api.store.change_order_status(step, stamp).await.unwrap();
            }
            "other" => _ = api.store.adjust_stock(adjustment(&chair, 1), stamp).await.unwrap(),
            "archive" => {
                api.store.update_product(lamp.id, ProductChanges::archive(), None, stamp).await.unwrap();
            }
            unknown => panic!("{unknown}"),
        }
        wait_until("the node has the entry", TIMEOUT, async || api.service.head() != head).await;
        up_to_date(&api).await;
        for (field, forgotten, request, observed, before) in remembered {
            let known = !forgotten.contains(&change) && !forgotten.contains(&"");
            expect_tag(&api, &observed, known, &format!("{field} after {change}")).await;
            let after = data(api.run(Viewer::Anonymous, request).await);
            assert!(!known || after == before, "{field} after {change}: {after} instead of {before}");
        }
    }
}

/// Also before its feed has the change.
async fn what_a_node_has_changed_itself_is_no_longer_known_at_once(api: TestApi) {
    let lamp = product("lamp");
    insert_products(&*api.store, &[&lamp]).await;
    let variables = Variables::from_json(json!({ "lamp": lamp.id.to_string() }));
    let query = "query ($lamp: ID!) { product(id: $lamp) { stock } }";
    for second in 0..20 {
        up_to_date(&api).await;
        let (observed, _) = api.observed(OperationRequest::new(query).variables(variables.clone())).await;
        expect_tag(&api, &observed, true, "before").await;
        api.store.adjust_stock(adjustment(&lamp, 1), by_system(second)).await.unwrap();
        expect_tag(&api, &observed, false, "after").await;
    }
}

/// Checks whether the tag of an answer is known.
async fn expect_tag(api: &TestApi, query: &ObservedQuery, known: bool, when: &str) {
    let found = || api.public_answers().tag(query).is_some();
    // A busy node's feed may be behind for a moment, and then it can't tell.
    if known {
        wait_until(when, TIMEOUT, async || found()).await;
    } else {
        assert!(!found(), "{when}");
    }
}

fn data(response: Response) -> Value {
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data.into_json().unwrap()
}

/// Waits until the node's feed has everything that was committed.
async fn up_to_date(api: &TestApi) {
    wait_until("the feed is up to date", TIMEOUT, async || {
        api.store.catch_up_log().await.unwrap();
        let state = api.store.log_state().await.unwrap();
        api.service.head() == EventCursor::after(state.log, state.head)
    })
    .await;
}

/// The fields of the root that caches may keep by a hint at the field, or at the type of its value.
fn fields_with_hints() -> Vec<String> {
    let types = published();
    let of_type =
        |field: &FieldDefinition| types.get(base_name(&field.ty.node.base)).is_some_and(|ty| has_hint(&ty.directives));
    let fields = fields(&types["Query"].kind).into_iter().filter(|field| has_hint(&field.directives) || of_type(field));
    let mut names: Vec<String> = fields.map(|field| field.name.node.to_string()).collect();
    names.sort();
    names
}

/// Whether a directive says for how long.
fn has_hint(directives: &[Positioned<ConstDirective>]) -> bool {
    let mut hints = directives.iter().filter(|directive| directive.node.name.node == "cacheControl");
    hints.any(|hint| hint.node.arguments.iter().any(|(name, _)| name.node == "maxAge"))
}
