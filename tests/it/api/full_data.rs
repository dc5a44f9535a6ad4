//! Imports the complete data sets, pages through them and compares the totals to the last decimal. Needs the files,
//! which are too large to bundle, in the folder `ORDERWIRE_TEST_DATA_DIR`; `scripts/test` says when it leaves this out.

use std::{path::PathBuf, sync::Arc};

use orderwire::{
    domain::{Decimal, UserRole},
    service::import::{ImportSource, Importer, NoProgress, jira, online_retail},
};
use serde_json::{Value, json};

use crate::support::api::TestApi;

on_each_engine! {
    within std::time::Duration::from_secs(8 * 60);
    full_data_gives_its_totals_through_the_api
}

fn file(name: &str) -> ImportSource {
    let folder = std::env::var_os("ORDERWIRE_TEST_DATA_DIR").expect(
        "set ORDERWIRE_TEST_DATA_DIR to the folder with online-retail/ and tasks/; without it, run scripts/test",
    );
    ImportSource::File(PathBuf::from(folder).join(name))
}

fn amount(value: &Value) -> Decimal {
    value["amount"].as_str().unwrap().parse().unwrap()
}

async fn full_data_gives_its_totals_through_the_api(api: TestApi) {
    let admin = api.new_user("admin", UserRole::Admin).await;
    let viewer = api.viewer_of(&admin).await;
    let importer = Importer::new(api.store.clone());
    let invoices = file("online-retail/invoices.csv.gz");
    for _ in 0..2 {
        importer
            .online_retail(&invoices, online_retail::OnlineRetailOptions::default(), Arc::new(NoProgress))
            .await
            .unwrap();
    }
    let options = jira::JiraOptions { created_by: admin.id, rejects: None };
    let issues = importer.jira(&file("tasks/hadoop_bugs.csv.gz"), options, Arc::new(NoProgress)).await.unwrap();
    let rejected = [
        ("Description must have at most 65536 bytes of UTF-8".into(), 1),
        ("Description must not contain control characters other than line breaks and tabs".into(), 2),
        ("Summary must not contain line breaks or other control characters".into(), 1),
    ];
    assert_eq!((issues.issues, issues.rejected), (2_503, rejected.into()));

    let page = "query ($after: String) { orders(first: 100, after: $after) {
        nodes { total { amount } items { lineTotal { amount } } } pageInfo { hasNextPage endCursor } } }";
    let (mut orders, mut items, mut total, mut lines) = (0, 0, Decimal::ZERO, Decimal::ZERO);
    let mut after = Value::Null;
    loop {
        let found = api.data(viewer, page, json!({ "after": after })).await["orders"].clone();
        for order in found["nodes"].as_array().unwrap() {
            let order_lines = order["items"].as_array().unwrap();
            orders += 1;
            items += order_lines.len();
            total = total.checked_add(amount(&order["total"])).unwrap();
            for line in order_lines {
                lines = lines.checked_add(amount(&line["lineTotal"])).unwrap();
            }
        }
        after = found["pageInfo"]["endCursor"].clone();
        if found["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!((orders, items), (18_536, 397_924));
    assert_eq!((total.to_string(), lines.to_string()), ("8911407.904".to_owned(), "8911407.904".to_owned()));
    let counts = "{ products { totalCount } users(filter: { role: CUSTOMER }) { totalCount } orders { totalCount } tasks { totalCount } }";
    let counts = api.data(viewer, counts, json!({})).await;
    let of = |list: &str| counts[list]["totalCount"].as_u64().unwrap();
    assert_eq!([of("products"), of("users"), of("orders"), of("tasks")], [4_070, 4_372, 18_536, 2_499]);
}
