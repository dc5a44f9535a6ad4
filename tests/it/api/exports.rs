//! The cursor of an export: what reads the log goes on from it without a gap.

use std::{collections::BTreeSet, sync::Arc};

use orderwire::{
    domain::UserRole,
    service::{
        export::{ExportKind, ExportTarget, Exporter},
        import::NoProgress,
    },
};
use serde_json::{Value, json};

use crate::support::api::{TestApi, next};

on_each_engine! {
    events_and_subscriptions_go_on_from_the_cursor_of_an_export
}

async fn events_and_subscriptions_go_on_from_the_cursor_of_an_export(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let create = async |title: &str| {
        let create = "mutation ($title: String!) { createTask(input: { title: $title }) { task { id } } }";
        api.data(staff, create, json!({ "title": title })).await;
    };
    create("before").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tasks.jsonl");
    let (kinds, target) = (BTreeSet::from([ExportKind::Tasks]), ExportTarget::File(file.clone()));
    let exporter = Exporter::new(api.store.clone());
    let summary = exporter.export(&kinds, target, Arc::new(NoProgress)).await.unwrap();
    create("after").await;
    create("later").await;

    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [exported, end] = &*lines else { panic!("{text}") };
    assert_eq!((&exported["title"], &end["end"]["cursor"]), (&json!("before"), &json!(summary.cursor.to_string())));

    let after = json!({ "after": end["end"]["cursor"] });
    let events = "query ($after: EventCursor) { events(first: 10, after: $after) { nodes { entity { ... on Task { title } } } } }";
    let found = api.data(staff, events, after.clone()).await["events"]["nodes"].clone();
    assert_eq!(found, json!([{ "entity": { "title": "after" } }, { "entity": { "title": "later" } }]));

    let subscription = "subscription ($after: EventCursor) { taskUpdates(after: $after) { task { title } } }";
    let mut updates = api.stream(staff, subscription, after);
    for title in ["after", "later"] {
        let update = next(&mut updates).await.data.into_json().unwrap();
        assert_eq!(update["taskUpdates"]["task"]["title"], title);
    }
}
