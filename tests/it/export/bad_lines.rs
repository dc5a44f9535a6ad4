//! Lines that can't be imported: each is rejected by its number with what is wrong, and the others are imported.

use std::{path::Path, sync::Arc};

use orderwire::{
    domain::*,
    service::import::Counts,
    storage::{Store, sqlite::SqliteLocation, sqlite::SqliteStore},
};
use serde_json::{Value, json};

use super::{export, import_files, rejected, rejects_beside, text_of};
use crate::support::{
    data::{past_order, product, reread, task, user},
    options::sqlite_options,
};

async fn empty_store() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(SqliteLocation::Temporary, sqlite_options()).await.unwrap())
}

/// The lines of a user, a product, an order and a task, as an export has them.
async fn good_lines() -> [Value; 4] {
    let (store, folder) = (empty_store().await, tempfile::tempdir().unwrap());
    let lamp = product("lamp");
    store.import_users(&[user("buyer")]).await.unwrap();
    store.import_products(std::slice::from_ref(&lamp)).await.unwrap();
    store.import_orders(&[past_order("1", &[(&lamp, 2)])]).await.unwrap();
    store.import_tasks(&[task("work")]).await.unwrap();
    let file = folder.path().join("good.jsonl");
    export(&store, &file).await;
    let text = text_of(&file);
    let lines: Vec<Value> = text.lines().take(4).map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.try_into().unwrap()
}

/// A change of a line: the place of a value, as a JSON pointer, and the value.
fn with(line: &Value, pointer: &str, value: Value) -> String {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut line = line.clone();
    let parent = if parent.is_empty() { &mut line } else { line.pointer_mut(parent).unwrap() };
    match value {
        Value::Null => _ = parent.as_object_mut().unwrap().remove(name),
        value => parent[name] = value,
    }
    line.to_string()
}

fn bad_lines([user, product, order, task]: &[Value; 4]) -> Vec<(String, &'static str)> {
    let items =
        |count: usize| (0..count).map(|number| (number.to_string(), json!(""))).collect::<serde_json::Map<_, _>>();
    let cut = |line: &Value| line.to_string().strip_suffix('}').unwrap().to_owned();
    vec![
        ("no JSON".to_owned(), "not a JSON object"),
        ("[]".to_owned(), "not a JSON object"),
        ("{,}".to_owned(), "not JSON: key must be a string"),
        ("{}".to_owned(), "no id that begins with usr_, prd_, ord_ or tsk_"),
        (with(user, "/id", json!(7)), "id must be a string"),
        (with(user, "/id", json!("key_01J9Z3NDEKTSV4RRFFQ69G5FAV")), "no id that begins with usr_, prd_, ord_ or tsk_"),
        (
            with(user, "/id", json!("usr_1")),
            "id: not a valid id: expected usr_ followed by 26 characters of Crockford base32",
        ),
        (format!("{product}{product}"), "not JSON: trailing characters"),
        (cut(product), "the line is cut off: its JSON ends too early"),
        ("{\"id\":\"prd_".to_owned(), "the line is cut off: its JSON ends too early"),
        (with(user, "/passwordHash", json!("$argon2id$")), "unknown field `passwordHash`"),
        (with(order, "/items/0/discount", json!(1)), "unknown field `discount`"),
        (with(product, "/sku", Value::Null), "missing field `sku`"),
        (format!("{},\"sku\":\"b\"}}", cut(product)), "duplicate field `sku`"),
        (with(product, "/stock", json!("5")), "stock must be a whole number from -2147483648 to 2147483647"),
        (
            with(product, "/stock", json!(2_147_483_648_i64)),
            "stock must be a whole number from -2147483648 to 2147483647",
        ),
        (with(product, "/tags", json!("gift")), "tags must be an array"),
        (with(product, "/metadata", json!("gift")), "metadata must be an object of strings"),
        (with(order, "/items", json!({})), "items must be an array"),
        (with(order, "/items", json!([1])), "items[] must be an object"),
        (with(product, "/stock", json!(-1)), "stock must not be negative"),
        (with(product, "/price", json!(2.5)), "price must be a string"),
        (with(product, "/price", json!("2,5")), "price: not a decimal with up to 4 decimals, for example \"12.50\""),
        (with(product, "/price", json!("-0.01")), "price must not be negative"),
        (with(product, "/currency", json!("XYZ")), "currency: not an ISO 4217 currency code, for example \"GBP\""),
        (with(product, "/sku", json!("a\u{200b}b")), "sku must not contain the invisible character U+200B"),
        (
            with(product, "/name", json!("\u{1b}[31mred")),
            "name must not contain line breaks or other control characters",
        ),
        (with(product, "/tags", json!(vec!["t"; 51])), "tags must have at most 50 entries"),
        (with(product, "/version", json!(0)), "version must be above 0"),
        (
            with(product, "/metadata", json!({ "a b": "" })),
            "metadata: keys must be 1 to 64 letters, digits or _ - . : /",
        ),
        (with(product, "/metadata", json!(items(51))), "metadata: must have at most 50 entries"),
        (
            with(product, "/privateMetadata", json!({ "a": "\0" })),
            "privateMetadata: values must have at most 1024 bytes and no control characters",
        ),
        (format!("{},\"metadata\":{{\"a\":\"1\",\"a\":\"2\"}}}}", cut(product)), "metadata: a key stands here twice"),
        (with(user, "/email", json!("nobody")), "email must be an e-mail address"),
        (with(user, "/email", Value::Null), "email must be there unless the user is deleted"),
        (
            with(user, "/deletedAt", json!("2026-01-31T09:30:00.000Z")),
            "email must not be there when the user is deleted",
        ),
        (with(user, "/role", json!("ROOT")), "role must be one of CUSTOMER, STAFF, ADMIN"),
        (
            with(user, "/createdAt", json!("yesterday")),
            "createdAt: not a date and time of RFC 3339 with seconds and an offset, for example 2026-01-31T09:30:00.000Z",
        ),
        (with(order, "/items", json!([])), "items must have an entry"),
        (with(order, "/items/0/quantity", json!(0)), "items.quantity must be above 0"),
        (with(order, "/items/0/quantity", json!(3)), "items.lineTotal must be the unit price times the quantity"),
        (with(order, "/items/0/unitPrice", json!(1)), "items[].unitPrice must be a string"),
        (with(order, "/total", json!("1.00")), "total must be the sum of the line totals"),
        (with(order, "/status", json!("PENDING")), "history must lead to the status of the order"),
        (with(order, "/history", json!([])), "history must lead to the status of the order"),
        (
            with(order, "/history/0/from", json!("SHIPPED")),
            "history must go from status to status by steps that an order can take",
        ),
        (
            with(task, "/description", json!("x".repeat(64 * 1024 + 1))),
            "description must have at most 65536 bytes of UTF-8",
        ),
        (with(task, "/title", json!(" ")), "title must not be empty"),
        (with(task, "/dueAt", json!(5)), "dueAt must be a string"),
        ("{\"end\":{\"lines\":2}}".to_owned(), "end: missing field `cursor`"),
        ("{\"end\":{\"lines\":-2,\"cursor\":\"c\"}}".to_owned(), "end.lines must be a whole number from 0 on"),
        ("{\"end\":2}".to_owned(), "end must be an object"),
    ]
}

#[tokio::test]
async fn each_bad_line_is_rejected_by_its_number_and_the_others_are_imported() {
    let (store, folder) = (empty_store().await, tempfile::tempdir().unwrap());
    let good = good_lines().await;
    let bad = bad_lines(&good);
    let mut text = String::from("\u{feff}");
    for (line, _) in &bad {
        text += &format!("{line}\r\n\n");
    }
    for line in &good {
        text += &format!("  {line}\n");
    }
    let file = folder.path().join("bad.jsonl");
    std::fs::write(&file, &text).unwrap();
    let summary = import_files(&*store, &[&file]).await.unwrap();
    let expected: Vec<(u64, String)> =
        bad.iter().enumerate().map(|(place, (_, why))| (2 * place as u64 + 1, (*why).to_owned())).collect();
    assert_eq!(rejected(&rejects_beside(&file)), expected);
    let one = Counts { total: 1, new: 1 };
    assert_eq!([summary.users, summary.products, summary.orders, summary.tasks], [one; 4]);
    assert_eq!(summary.lines, bad.len() as u64 + 4);
    assert_eq!(summary.rejected.values().sum::<u64>(), bad.len() as u64);
    assert_eq!(reread(&*store, &product("lamp")).await, product("lamp"));
}

#[tokio::test]
async fn bytes_that_are_no_text_and_lines_that_are_too_long_are_rejected() {
    let (store, folder) = (empty_store().await, tempfile::tempdir().unwrap());
    let [anna, ..] = good_lines().await;
    let mut bytes = b"{\"id\":\"usr_\xff\"}\n{\"id\":\"usr_".to_vec();
    bytes.resize(bytes.len() + 33 * 1024 * 1024, b'x');
    bytes.extend_from_slice(format!("\"}}\n{anna}").as_bytes());
    let file = folder.path().join("long.jsonl");
    std::fs::write(&file, bytes).unwrap();
    let summary = import_files(&*store, &[&file]).await.unwrap();
    let mut csv = csv::Reader::from_path(rejects_beside(&file)).unwrap();
    let rows: Vec<csv::ByteRecord> = csv.byte_records().map(|row| row.unwrap()).collect();
    assert_eq!((&rows[0][0], &rows[0][1]), (&b"1"[..], &b"not JSON: invalid unicode code point"[..]));
    assert_eq!(&rows[0][3], b"{\"id\":\"usr_\xff\"}", "as it is in the file");
    assert_eq!((&rows[1][0], &rows[1][1]), (&b"2"[..], &b"longer than 32 MiB"[..]));
    assert!(rows[1][3].len() <= 1024, "its beginning");
    assert_eq!((rows.len(), summary.users), (2, Counts { total: 1, new: 1 }), "the line after it is read");
}

async fn import_lines(store: &dyn Store, folder: &Path, lines: &[String]) -> Vec<(u64, String)> {
    let file = folder.join("lines.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let summary = import_files(store, &[&file]).await.unwrap();
    let kept = [summary.users, summary.products, summary.orders, summary.tasks].map(|counts| counts.total);
    let rejected = rejected(&rejects_beside(&file));
    assert_eq!(kept.iter().sum::<u64>() + rejected.len() as u64, summary.lines);
    rejected
}

#[tokio::test]
async fn what_is_stored_already_stays_and_other_content_is_rejected() {
    let (store, folder) = (empty_store().await, tempfile::tempdir().unwrap());
    let good = good_lines().await;
    let all: Vec<String> = good.iter().map(Value::to_string).collect();
    assert_eq!(import_lines(&*store, folder.path(), &all).await, []);
    assert_eq!(import_lines(&*store, folder.path(), &all).await, [], "again, nothing new");
    let [user, product, order, task] = &good;
    let others = [
        with(user, "/name", json!("Ann")),
        with(product, "/stock", json!(11)),
        with(order, "/region", json!("Spain")),
        with(task, "/title", json!("play")),
        all[0].clone(),
    ];
    let reason = "its id is stored with other content, which stays".to_owned();
    let expected: Vec<(u64, String)> = (1..=4).map(|line| (line, reason.clone())).collect();
    assert_eq!(import_lines(&*store, folder.path(), &others).await, expected);
    let stored = store.products_by_ids(&[crate::support::data::product("lamp").id]).await.unwrap();
    assert_eq!(stored[0].as_ref().unwrap().stock, 10);
}

#[tokio::test]
async fn an_order_or_a_task_whose_user_is_not_stored_waits_for_the_user() {
    let (store, folder) = (empty_store().await, tempfile::tempdir().unwrap());
    let [buyer, lamp, order, work] = good_lines().await.map(|line| line.to_string());
    let expected = [
        (2, "its customer is not stored: import users first".to_owned()),
        (3, "its author is not stored: import users first".to_owned()),
    ];
    let lines = [lamp, order, work];
    assert_eq!(import_lines(&*store, folder.path(), &lines).await, expected);
    assert_eq!(store.count_orders(&[OrderFilter::default()]).await.unwrap(), [0]);
    assert_eq!(import_lines(&*store, folder.path(), &[&[buyer], &lines[..]].concat()).await, []);
    assert_eq!(store.count_orders(&[OrderFilter::default()]).await.unwrap(), [1], "the next import completes it");
}

#[tokio::test]
async fn of_lines_that_claim_one_value_the_first_gets_it() {
    let (store, folder) = (empty_store().await, tempfile::tempdir().unwrap());
    let good = good_lines().await;
    let [anna, lamp, order, work] = &good;
    let id = |prefix: &str, number: u8| json!(format!("{prefix}_01J9Z3NDEKTSV4RRFFQ69G5FA{number}"));
    let lines: Vec<String> = [
        anna.to_string(),
        with(anna, "/id", id("usr", 1)),
        anna.to_string(),
        with(lamp, "/id", id("prd", 1)),
        lamp.to_string(),
        with(lamp, "/name", json!("Other")),
        order.to_string(),
        with(order, "/id", id("ord", 1)),
        work.to_string(),
        with(work, "/id", id("tsk", 1)),
    ]
    .into();
    let expected = [
        (2, "another user has this e-mail address"),
        (5, "another product has this SKU"),
        (6, "another product has this SKU"),
        (8, "another order has this number"),
    ];
    let expected: Vec<(u64, String)> = expected.iter().map(|(line, why)| (*line, (*why).to_owned())).collect();
    assert_eq!(import_lines(&*store, folder.path(), &lines).await, expected);
    // What was stored before takes part, too.
    let other = with(anna, "/id", id("usr", 2));
    assert_eq!(import_lines(&*store, folder.path(), &[other]).await, [(1, expected[0].1.clone())]);
    assert_eq!(store.count_users(&[UserFilter::default()]).await.unwrap(), [1]);
}
