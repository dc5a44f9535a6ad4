//! `orderwire log new-epoch` beside a running server, over every transport.

use orderwire::{
    app::App,
    config::{self, ConfigSources},
    domain::{UserRole, Viewer},
    service::Registration,
};
use serde_json::{Value, json};

use crate::{
    cli_process::{orderwire, stderr, stdout},
    support::{api::PASSWORD, app::RunningApp, subscriber::Subscriber},
};

const WATCH: &str = "subscription ($after: EventCursor) { taskUpdates(after: $after) { cursor task { title } } }";

struct Board {
    app: RunningApp,
    authorization: String,
}

impl Board {
    async fn open(database: &str) -> Self {
        let environment = [("BIND", "127.0.0.1:0"), ("DATABASE_URL", database), ("METRICS_BIND", "off")];
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let config = config::load(&ConfigSources { environment, ..ConfigSources::default() }).config;
        let app = App::start(&config).await.unwrap();
        let staff = Registration {
            email: "staff@example.com".to_owned(),
            name: "Staff".to_owned(),
            region: None,
            password: Some(PASSWORD.to_owned()),
        };
        app.core().service().create_user(&Viewer::System, staff, UserRole::Staff).await.unwrap();
        let app = RunningApp::run(app);
        let login = json!({
            "query": "mutation ($password: String!) {
                login(input: { email: \"staff@example.com\", password: $password }) { session { accessToken } } }",
            "variables": { "password": PASSWORD },
        });
        let (_, session) = app.answer(false, &login).await;
        let token = session["data"]["login"]["session"]["accessToken"].as_str().unwrap();
        Self { authorization: format!("Bearer {token}"), app }
    }

    async fn subscribe(&self, after: Option<&str>) -> Vec<(&'static str, Subscriber)> {
        let request = json!({ "query": WATCH, "variables": { "after": after } });
        self.app.subscribers(&self.authorization, &request).await
    }

    async fn post(&self, query: &str) -> Value {
        let request = self.app.request(false, &json!({ "query": query }));
        let answer = request.header("authorization", &self.authorization).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn create_task(&self, title: &str) {
        let create = format!("mutation {{ createTask(input: {{ title: \"{title}\" }}) {{ task {{ title }} }} }}");
        assert_eq!(self.post(&create).await["data"]["createTask"]["task"]["title"], title);
    }

    async fn event_cursor(&self) -> String {
        self.post("{ eventCursor }").await["data"]["eventCursor"].as_str().unwrap().to_owned()
    }
}

async fn assert_refused(name: &str, subscriber: &mut Subscriber, code: &str) {
    let result = subscriber.next().await.unwrap_or_else(|| panic!("{name} ended without an error"));
    assert_eq!(result["errors"][0]["extensions"]["code"], code, "{name}: {result}");
}

/// The cursor of the next update, which is about this task.
async fn cursor_of(name: &str, subscriber: &mut Subscriber, title: &str) -> String {
    let result = subscriber.next().await.unwrap_or_else(|| panic!("{name} ended"));
    assert_eq!(result["data"]["taskUpdates"]["task"]["title"], title, "{name}: {result}");
    result["data"]["taskUpdates"]["cursor"].as_str().unwrap().to_owned()
}

async fn a_new_epoch_ends_subscriptions_and_expires_cursors(database: &str) {
    let board = Board::open(database).await;
    let start = board.event_cursor().await;
    let mut subscribers = board.subscribe(Some(&start)).await;
    board.create_task("before").await;
    let mut before = String::new();
    for (name, subscriber) in &mut subscribers {
        before = cursor_of(name, subscriber, "before").await;
    }

    let folder = tempfile::tempdir().unwrap();
    let mut command = orderwire(folder.path(), &["log", "new-epoch"]);
    let output = command.env("DATABASE_URL", database).output().unwrap();
    let printed = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(printed.contains(&format!("cursors of {} have expired", &before[1..9])), "{printed}");

    for (name, subscriber) in &mut subscribers {
        assert_refused(name, subscriber, "CURSOR_EXPIRED").await;
    }
    for old in [&start, &before] {
        for (name, subscriber) in &mut board.subscribe(Some(old)).await {
            assert_refused(name, subscriber, "CURSOR_EXPIRED").await;
        }
    }
    let (other_log, seq) = (u32::from_str_radix(&before[1..9], 16).unwrap() ^ 1, &before[9..]);
    for (name, subscriber) in &mut board.subscribe(Some(&format!("e{other_log:08x}{seq}"))).await {
        assert_refused(name, subscriber, "BAD_USER_INPUT").await;
    }

    let now = board.event_cursor().await;
    assert!(printed.contains(&format!("the event log has the id {}", &now[1..9])), "{printed}");
    assert_eq!(now[9..], before[9..], "the numbers go on");
    let mut subscribers = board.subscribe(Some(&now)).await;
    board.create_task("after").await;
    for (name, subscriber) in &mut subscribers {
        assert_eq!(cursor_of(name, subscriber, "after").await[..9], now[..9], "{name}");
    }
    board.app.stop().await;
}

#[test]
fn a_new_epoch_of_a_missing_or_empty_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let new_epoch = || {
        let output = orderwire(folder.path(), &["log", "new-epoch"]).env("DATABASE_URL", "sqlite://shop.db").output();
        let output = output.unwrap();
        assert!(!output.status.success());
        stderr(&output)
    };
    assert_eq!(new_epoch(), "error: sqlite://shop.db does not exist; set database.url to the database\n");
    assert!(!folder.path().join("shop.db").exists(), "a refused command makes no database");
    std::fs::write(folder.path().join("shop.db"), "").unwrap();
    let empty = "error: the event log of sqlite://shop.db is empty; set database.url to the restored database";
    assert!(new_epoch().contains(empty));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_ends_subscriptions_and_expires_cursors_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("shop.db").display());
    a_new_epoch_ends_subscriptions_and_expires_cursors(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_ends_subscriptions_and_expires_cursors_mongodb() {
    let server = std::env::var("ORDERWIRE_TEST_MONGODB_URL").expect("ORDERWIRE_TEST_MONGODB_URL names a MongoDB");
    let name = format!("epoch_{:032x}", rand::random::<u128>());
    let (address, options) = server.split_once('?').unwrap_or((&server, ""));
    let database = format!("{}/{name}?{options}", address.trim_end_matches('/'));
    a_new_epoch_ends_subscriptions_and_expires_cursors(&database).await;
    mongodb::Client::with_uri_str(&server).await.unwrap().database(&name).drop().await.unwrap();
}
