//! `orderwire export` and `orderwire import jsonl`, as programs.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};

use crate::cli_process::{Running, assert_refused, graphql, login, orderwire, run, run_with_input, stderr, stdout};

/// Imports the bundled sample of invoices into `shop.db`.
fn shop(folder: &Path) {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/data/online-retail-sample.csv.gz");
    let imported = run(folder, &["import", "online-retail", sample, "--database-url", "sqlite://shop.db"]);
    assert!(imported.status.success(), "{}", stderr(&imported));
}

fn export(folder: &Path, database: &str, arguments: &[&str]) -> Output {
    let database = format!("sqlite://{database}");
    let output = run(folder, &[&["export", "--database-url", &database], arguments].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

fn lines(text: &str) -> (Vec<&str>, Value) {
    let mut lines: Vec<&str> = text.lines().collect();
    let end = serde_json::from_str(lines.pop().unwrap()).unwrap();
    (lines, end)
}

#[tokio::test]
async fn an_export_is_imported_into_another_database_and_events_go_on_from_its_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shop(folder);
    let create =
        ["user", "create", "--email", "ann@example.com", "--name", "Ann", "--role", "staff", "--password-stdin"];
    let created =
        run_with_input(folder, &[&create[..], &["--database-url", "sqlite://shop.db"]].concat(), "correct horse\n");
    assert!(created.status.success(), "{}", stderr(&created));

    let kinds = ["tasks", "orders", "users", "products"];
    let exported =
        export(folder, "shop.db", &[&kinds[..], &["--format", "jsonl", "--output", "all.jsonl.gz"]].concat());
    assert_eq!(stdout(&exported), "");
    let report = stderr(&exported);
    for line in [
        "users           270",
        "products      2,367",
        "orders          312",
        "items         5,328",
        "tasks             0",
    ] {
        assert!(report.contains(line), "{line:?} is not in {report}");
    }
    assert!(report.contains("2,949 lines in "), "{report}");

    let imported = run(folder, &["import", "jsonl", "all.jsonl.gz", "--database-url", "sqlite://copy.db"]);
    let report = stdout(&imported);
    assert!(imported.status.success(), "{}", stderr(&imported));
    for line in
        ["users           270  270 new, 0 there before", "orders          312  312 new", "rejected          0\n"]
    {
        assert!(report.contains(line), "{line:?} is not in {report}");
    }
    let [shop, copy] = ["shop.db", "copy.db"].map(|database| stdout(&export(folder, database, &kinds)));
    let ((shop_lines, end), (copy_lines, _)) = (lines(&shop), lines(&copy));
    assert!(shop_lines == copy_lines, "the copy is the same");
    assert_eq!(end["end"]["lines"], shop_lines.len());
    assert!(shop_lines[0].starts_with("{\"id\":\"usr_"), "what is referred to comes first");

    let mut server = orderwire(folder, &["serve", "--database-url", "sqlite://shop.db"]);
    server.env("JWT_SECRET", "a secret of the test, of 32 bytes and more");
    let (_server, address) = Running::server(server);
    let token = login(&address, "ann@example.com", "correct horse").await.unwrap();
    let create = "mutation { createProduct(input: { sku: \"new\", name: \"New\", price: \"1\" }) { product { sku } } }";
    graphql(&address, Some(&token), create, json!({})).await;
    let events = "query ($after: EventCursor) { events(first: 10, after: $after) { nodes { kind entity { ... on Product { sku } } } } }";
    let found = graphql(&address, Some(&token), events, json!({ "after": end["end"]["cursor"] })).await;
    assert_eq!(found["data"]["events"]["nodes"], json!([{ "kind": "PRODUCT_CREATED", "entity": { "sku": "new" } }]));
    // A server may run meanwhile.
    let (_, end) = (0, lines(&stdout(&export(folder, "shop.db", &["products"]))).1);
    let found = graphql(&address, Some(&token), events, json!({ "after": end["end"]["cursor"] })).await;
    assert_eq!(found["data"]["events"]["nodes"], json!([]));
}

#[test]
fn bad_lines_are_reported_and_their_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.jsonl"), "{}\n{\"id\":\"usr_\n").unwrap();
    let import = ["import", "jsonl", "bad.jsonl", "--rejects", "rejects.csv", "--database-url", "sqlite://copy.db"];
    let imported = run(folder.path(), &import);
    assert_refused(&imported, 1, "2 lines were rejected; the others are stored");
    let report = stdout(&imported);
    assert!(report.contains("rejected          2  written to rejects.csv"), "{report}");
    assert!(report.contains("1  the line is cut off: its JSON ends too early"), "{report}");
    assert!(report.contains("bad.jsonl does not end with the last line of an export: it may be cut off"), "{report}");
    let rejects = fs::read_to_string(folder.path().join("rejects.csv")).unwrap();
    assert_eq!(rejects.lines().nth(1).unwrap(), "1,\"no id that begins with usr_, prd_, ord_ or tsk_\",bad.jsonl,{}");
}

#[cfg(unix)]
#[test]
fn the_file_of_an_export_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path());
    fs::write(folder.path().join("users.jsonl"), "of before").unwrap();
    export(folder.path(), "shop.db", &["users", "--output", "users.jsonl"]);
    let file = folder.path().join("users.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 269 + 1);
}

#[test]
fn an_export_that_can_not_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let export = |arguments: &[&str]| run(folder.path(), &[&["export"], arguments].concat());
    assert_refused(&export(&["users", "--database-url", "sqlite://none.db"]), 1, "none.db does not exist");
    assert!(!folder.path().join("none.db").exists());
    for wrong in [&[][..], &["carts"], &["users", "--format", "xml"]] {
        assert_eq!(export(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
