//! An embedded server that is killed, and one whose disk is full, while orders are placed.

use std::{
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    cli_process::{Running, graphql, login, run_with_input},
    support::wait_until,
};

const TIMEOUT: Duration = Duration::from_secs(60);
const STOCK: i64 = 1_000_000;
const PLACE: &str = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { replayed order { id } } }";

/// The folder of a shop with one product and somebody who buys it.
struct Shop {
    folder: tempfile::TempDir,
    product: String,
}

/// A running server of the shop.
struct Server {
    process: Running,
    address: String,
    token: String,
}

impl Shop {
    async fn open() -> (Self, Server) {
        let folder = tempfile::tempdir().unwrap();
        let create = ["user", "create", "--name", "Ann", "--email", "ann@example.com", "--role", "staff"];
        run_with_input(folder.path(), &[&create[..], &["--password-stdin"]].concat(), "correct horse\n");
        let mut shop = Self { folder, product: String::new() };
        let server = shop.serve().await;
        let create = "mutation ($stock: Int!) { createProduct(input: {
            sku: \"lamp\", name: \"Lamp\", price: \"2.50\", stock: $stock }) { product { id } } }";
        let made = graphql(&server.address, Some(&server.token), create, json!({ "stock": STOCK })).await;
        shop.product = made["data"]["createProduct"]["product"]["id"].as_str().unwrap().to_owned();
        (shop, server)
    }

    /// Starts a server whose failed writes past the limit of a file's size do not end it by a signal.
    async fn serve(&self) -> Server {
        let mut command = Command::new("bash");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" serve", env!("CARGO_BIN_EXE_orderwire")]);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("TMPDIR", self.folder.path())
            .env("METRICS_BIND", "off");
        let (process, address) = Running::server(command);
        let token = login(&address, "ann@example.com", "correct horse").await.unwrap();
        Server { process, address, token }
    }

    fn order(&self, key: &str) -> Value {
        let items = json!([{ "productId": self.product, "quantity": 1 }]);
        json!({ "input": { "idempotencyKey": key, "items": items, "region": "UK" } })
    }

    /// Units that are left, and the number of orders.
    async fn sold(&self, server: &Server) -> (i64, i64) {
        let query = "query ($id: ID!) { product(id: $id) { stock } orders(first: 1) { totalCount } }";
        let answer = graphql(&server.address, Some(&server.token), query, json!({ "id": self.product })).await;
        let stock = answer["data"]["product"]["stock"].as_i64().unwrap();
        (STOCK - stock, answer["data"]["orders"]["totalCount"].as_i64().unwrap())
    }

    /// How many entries the log has, and the number of its last one.
    fn log(&self) -> (i64, i64) {
        let db = rusqlite::Connection::open(self.folder.path().join("orderwire.db")).unwrap();
        db.query_row("SELECT count(*), max(seq) FROM events", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }
}

/// The keys with which orders were placed, and the ids of the orders that were acknowledged.
#[derive(Default)]
struct Placed {
    tried: Vec<String>,
    acknowledged: Vec<(String, String)>,
}

/// Places one order after the other until the server is gone.
async fn buy(address: String, token: String, shop: Arc<Shop>, placed: Arc<Mutex<Placed>>) {
    let client = reqwest::Client::new();
    loop {
        let key = format!("{:032x}", rand::random::<u128>());
        placed.lock().unwrap().tried.push(key.clone());
        let body = json!({ "query": PLACE, "variables": shop.order(&key) });
        let sent = client.post(format!("{address}/graphql")).bearer_auth(&token).json(&body).send().await;
        let Ok(answer) = sent else { return };
        let Ok(answer) = answer.json::<Value>().await else { return };
        let id = answer["data"]["placeOrder"]["order"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        placed.lock().unwrap().acknowledged.push((key, id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_a_killed_embedded_server_has_acknowledged_are_there_after_its_restart() {
    let (shop, mut server) = Shop::open().await;
    let (shop, placed) = (Arc::new(shop), Arc::new(Mutex::new(Placed::default())));
    for round in 1..=3 {
        let mut buyers = JoinSet::new();
        for _ in 0..8 {
            buyers.spawn(buy(server.address.clone(), server.token.clone(), shop.clone(), placed.clone()));
        }
        let enough = async || placed.lock().unwrap().acknowledged.len() >= round * 100;
        wait_until("orders are placed", TIMEOUT, enough).await;
        // Kills it.
        drop(server.process);
        buyers.join_all().await;
        server = shop.serve().await;
    }
    let Placed { tried, acknowledged } = std::mem::take(&mut *placed.lock().unwrap());
    for (key, id) in &acknowledged {
        let again = graphql(&server.address, Some(&server.token), PLACE, shop.order(key)).await;
        assert_eq!(again["data"]["placeOrder"], json!({ "replayed": true, "order": { "id": id } }));
    }
    // What was not acknowledged is there as a whole or not at all; a repeated call finds or places it.
    for key in &tried {
        let again = graphql(&server.address, Some(&server.token), PLACE, shop.order(key)).await;
        assert!(again["data"]["placeOrder"]["order"]["id"].is_string(), "{again}");
    }
    let orders = tried.len() as i64;
    assert_eq!(shop.sold(&server).await, (orders, orders));
    // The product, the customer, and for each order its entry and that of the stock.
    assert_eq!(shop.log(), (2 + 2 * orders, 2 + 2 * orders));
}

/// Sets the size that files of the process may have: what is written beyond it fails as on a full disk.
fn limit_files(server: &Server, size: &str) {
    let id = server.process.id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={size}:")]).status().unwrap();
    assert!(limited.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_server_with_a_full_disk_refuses_changes_serves_reads_and_goes_on_when_there_is_room() {
    let (shop, server) = Shop::open().await;
    let place = async |key: &str| graphql(&server.address, Some(&server.token), PLACE, shop.order(key)).await;
    assert_eq!(place("before").await["data"]["placeOrder"]["replayed"], false);
    limit_files(&server, "4096");
    for _ in 0..3 {
        assert_eq!(place("full").await["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    }
    assert_eq!(shop.sold(&server).await, (1, 1), "reads go on");
    limit_files(&server, "unlimited");
    assert_eq!(place("full").await["data"]["placeOrder"]["replayed"], false);
    assert_eq!(place("before").await["data"]["placeOrder"]["replayed"], true);
    assert_eq!(shop.sold(&server).await, (2, 2));
    assert_eq!(shop.log(), (6, 6));
}
