//! A value that the API refuses is refused by the imports, for the same reason.

use std::sync::Arc;

use csv::WriterBuilder;
use orderwire::{
    domain::{UserRole, text},
    service::import::{NoProgress, RejectCounts, jira, online_retail},
    storage::Store,
};
use serde_json::{Value, json};

use super::{empty_store, everything, file_with, some_user};
use crate::support::api::TestApi;

const INVOICE: [(&str, &str); 8] = [
    ("InvoiceNo", "536365"),
    ("StockCode", "85123A"),
    ("Description", "LAMP"),
    ("Quantity", "6"),
    ("InvoiceDate", "2010-12-01T08:26:00"),
    ("UnitPrice", "2.55"),
    ("CustomerID", "17850"),
    ("Country", "United Kingdom"),
];
const ISSUE: [(&str, &str); 9] = [
    ("Summary", "A bug"),
    ("Issue id", "1"),
    ("Status", "Open"),
    ("Priority", "Major"),
    ("Resolution", ""),
    ("Created", "30/Sep/21 17:20"),
    ("Resolved", ""),
    ("Affects Version/s", ""),
    ("Description", "text"),
];

/// A file with one record, in which one column has another value.
fn record(columns: &[(&str, &str)], column: &str, value: &str) -> Vec<u8> {
    let mut csv = WriterBuilder::new().from_writer(Vec::new());
    csv.write_record(columns.iter().map(|(name, _)| name)).unwrap();
    csv.write_record(columns.iter().map(|(name, usual)| if *name == column { value } else { usual })).unwrap();
    csv.into_inner().unwrap()
}

/// Values that break a rule of one-line texts. A blank description of an invoice's row stands for the product's name.
fn bad_lines() -> Vec<String> {
    let long = "x".repeat(text::MAX_LINE + 1);
    ["a\0b", "a\nb", "a\r\nb", "a\u{2028}b", "\u{1b}[31mred", "a\u{85}b", &long].map(str::to_owned).into()
}

fn bad_codes() -> Vec<String> {
    let hidden = ["", " ", "\u{200b}", "A\u{200b}1", "A\u{ad}1", "A\u{202e}1"].map(str::to_owned);
    [bad_lines(), hidden.into()].concat()
}

fn bad_descriptions() -> Vec<String> {
    vec!["a\0b".to_owned(), "\u{1b}[31mred".to_owned(), "ü".repeat(text::MAX_TEXT / 2 + 1)]
}

/// What the API says of this value in one field of the input of a mutation.
async fn api_refusal(api: &TestApi, viewer: orderwire::domain::Viewer, field: &str, value: &str) -> String {
    let (mutation, mut input) = match field {
        "sku" | "name" => ("createProduct", json!({ "sku": "A", "name": "A", "price": "1" })),
        "title" | "description" => ("createTask", json!({ "title": "A" })),
        _ => ("updateProfile", json!({})),
    };
    input[field] = json!(value);
    let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let document =
        format!("mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ userErrors {{ code field message }} }} }}");
    let errors = api.data(viewer, &document, json!({ "input": input })).await[mutation]["userErrors"].clone();
    assert_eq!(errors.as_array().map(Vec::len), Some(1), "{field} {value:.20?}: {errors}");
    assert_eq!((&errors[0]["code"], &errors[0]["field"]), (&json!("INVALID_INPUT"), &json!([field])), "{value:.20?}");
    match &errors[0]["message"] {
        Value::String(message) => message.clone(),
        other => panic!("{other}"),
    }
}

async fn import(store: &dyn Store, columns: &[(&str, &str)], column: &str, value: &str) -> RejectCounts {
    let (_folder, source) = file_with(&record(columns, column, value));
    if columns.len() == INVOICE.len() {
        let options = online_retail::OnlineRetailOptions::default();
        return online_retail::import(store, &source, options, Arc::new(NoProgress)).await.unwrap().rejected;
    }
    let options = jira::JiraOptions { created_by: some_user("reporter").id, rejects: None };
    jira::import(store, &source, options, Arc::new(NoProgress)).await.unwrap().rejected
}

#[tokio::test]
async fn what_the_api_refuses_the_imports_refuse_for_the_same_reason() {
    let api = TestApi::over(empty_store().await).await;
    let staff = api.viewer("staff", UserRole::Staff).await;
    let store = empty_store().await;
    for (columns, column, field, values) in [
        (&INVOICE[..], "StockCode", "sku", bad_codes()),
        (&INVOICE, "InvoiceNo", "sku", bad_codes()),
        (&INVOICE, "Description", "name", bad_lines()),
        (&INVOICE, "Country", "region", bad_lines()),
        (&ISSUE, "Summary", "title", [bad_lines(), vec![String::new(), "  ".to_owned()]].concat()),
        (&ISSUE, "Description", "description", bad_descriptions()),
    ] {
        for value in values {
            let reason = format!("{column} {}", api_refusal(&api, staff, field, &value).await);
            let rejected = import(&*store, columns, column, &value).await;
            assert_eq!(rejected, [(reason.into(), 1)].into(), "{column} {value:.20?}");
        }
    }
    assert_eq!(everything(&*store).await, (vec![], vec![], vec![]), "nothing of it is stored");
}

#[tokio::test]
async fn spellings_of_one_code_are_one_product() {
    let store = empty_store().await;
    let header: Vec<&str> = INVOICE.iter().map(|(name, _)| *name).collect();
    let mut rows = header.join(",");
    for code in ["KÖ-1", " KO\u{308}-1 ", "KÖ-1\u{200b}"] {
        rows += &format!("\n536365,{code},LAMP,6,2010-12-01T08:26:00,2.55,17850,United Kingdom");
    }
    let (_folder, source) = file_with(rows.as_bytes());
    let options = online_retail::OnlineRetailOptions::default();
    online_retail::import(&*store, &source, options, Arc::new(NoProgress)).await.unwrap();
    let (products, _, orders) = everything(&*store).await;
    assert_eq!(products.iter().map(|product| &*product.sku).collect::<Vec<_>>(), ["KÖ-1"]);
    assert!(orders[0].items.iter().all(|item| item.sku == "KÖ-1" && item.product == products[0].id));
}
