//! `orderwire demo`.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    cli_process::{Running, TIMEOUT, graphql, login, orderwire},
    support::wait_until,
};

struct Demo {
    process: Running,
    address: String,
    /// Links to the shop and to its staff board.
    links: [String; 2],
    /// Passwords of the admin, the customer and the staff account.
    passwords: Vec<String>,
}

fn start(folder: &Path, arguments: &[&str]) -> Demo {
    let mut command = orderwire(folder, &["demo"]);
    command.args(arguments).env("BIND", "127.0.0.1:0");
    let mut process = Running::start(command);
    let mut passwords = Vec::new();
    for start in ["admin     admin@example.com  ", "customer  customer@example.com  ", "staff     staff@example.com  "]
    {
        let line = process.line(start);
        passwords.push(line.strip_prefix(start).unwrap().to_owned());
    }
    let links = ["Shop      ", "Board     "].map(|start| process.line(start).strip_prefix(start).unwrap().to_owned());
    let line = process.line("GraphQL   ");
    let address = line.trim_start_matches("GraphQL   ").trim_end_matches("/graphql").to_owned();
    Demo { process, address, links, passwords }
}

async fn as_admin(demo: &Demo, query: &str) -> Value {
    let token = login(&demo.address, "admin@example.com", &demo.passwords[0]).await.unwrap();
    graphql(&demo.address, Some(&token), query, json!({})).await["data"].clone()
}

#[tokio::test]
async fn demo_has_sample_data_accounts_and_incoming_orders() {
    let folder = tempfile::tempdir().unwrap();
    let demo = start(folder.path(), &["--every", "20ms"]);
    for (email, password) in
        ["admin@example.com", "customer@example.com", "staff@example.com"].iter().zip(&demo.passwords)
    {
        login(&demo.address, email, password).await.unwrap();
    }
    let data = as_admin(&demo, "{ products { totalCount } users { totalCount } tasks { totalCount } }").await;
    for list in ["products", "users", "tasks"] {
        assert!(data[list]["totalCount"].as_u64().unwrap() >= 50, "{data}");
    }
    for status in ["PENDING", "CONFIRMED", "SHIPPED", "CANCELLED"] {
        wait_until(status, TIMEOUT, async || {
            let query = format!("{{ orders(filter: {{ status: [{status}] }}) {{ totalCount }} }}");
            as_admin(&demo, &query).await["orders"]["totalCount"].as_u64().unwrap() > 0
        })
        .await;
    }
    let schema = reqwest::get(format!("{}/schema.graphql", demo.address)).await.unwrap();
    assert_eq!(schema.status(), 200);
    let people = [("shop", "customer%40example.com", 1), ("board", "staff%40example.com", 2)];
    for (link, (page, email, password)) in demo.links.iter().zip(people) {
        let password = &demo.passwords[password];
        assert_eq!(*link, format!("{}/{page}#email={email}&password={password}", demo.address));
        assert_eq!(reqwest::get(link).await.unwrap().status(), 200);
    }

    demo.process.signal("TERM");
    let (status, printed) = demo.process.end();
    assert_eq!(status.code(), Some(0), "{printed}");
    assert!(!printed.contains("WARN orderwire::cli"), "{printed}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "the temporary folder is gone: {left:?}");
}

#[tokio::test]
async fn demo_continues_with_the_data_of_a_kept_folder() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--quiet-orders", "--data", "new/shop"];
    let counts = "{ orders { totalCount } users { totalCount } tasks { totalCount } }";
    let first = start(folder.path(), &arguments);
    let before = as_admin(&first, counts).await;
    assert!(before["orders"]["totalCount"].as_u64().unwrap() > 100, "{before}");
    first.process.signal("INT");
    assert_eq!(first.process.end().0.code(), Some(0));

    let second = start(folder.path(), &arguments);
    assert_ne!(second.passwords, first.passwords);
    assert_eq!(as_admin(&second, counts).await, before);
    assert!(folder.path().join("new/shop/orderwire.db").is_file());
    login(&second.address, "admin@example.com", &first.passwords[0]).await.unwrap_err();
}
