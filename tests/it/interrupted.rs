//! Updates of which a part can't be read, and updates without a part, over every transport of a real server. The
//! failures are those of the real databases.

use std::{future::Future, sync::Arc, time::Duration};

use orderwire::{
    app::App,
    config::{self, ConfigSources},
    domain::{ProductId, UserRole, Viewer},
    service::{OrderInputLine, PlaceOrder, Service},
    storage::CallCounts,
};
use serde_json::{Value, json};

use crate::support::{api::PASSWORD, app::RunningApp, subscriber::Subscriber, wait_until, ws::TIMEOUT};

/// Reads of tasks fail on the database while this is broken; everything else works.
trait Tasks {
    fn break_down(&self) -> impl Future<Output = ()>;
    fn mend(&self) -> impl Future<Output = ()>;
}

/// Each order with its tasks, which are read for each update.
const WATCH: &str = "subscription ($after: EventCursor) {
    orderUpdates(after: $after) { cursor orderId order { number tasks { nodes { title } } } } }";

struct Shop {
    app: RunningApp,
    service: Arc<Service>,
    counts: CallCounts,
    authorization: String,
    buyer: Viewer,
    product: ProductId,
}

impl Shop {
    async fn open(database: &str, patience: &str) -> Self {
        let environment = [
            ("BIND", "127.0.0.1:0"),
            ("DATABASE_URL", database),
            ("ORDERWIRE_FEED_PATIENCE", patience),
            ("METRICS_BIND", "off"),
        ];
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let config = config::load(&ConfigSources { environment, ..ConfigSources::default() }).config;
        let counts = CallCounts::default();
        let app = App::start_counted(&config, Some(counts.clone())).await.unwrap();
        let service = app.core().service().clone();
        let app = RunningApp::run(app);
        let user = async |name: &str, role| {
            let registration = orderwire::service::Registration {
                email: format!("{name}@example.com"),
                name: name.to_owned(),
                region: None,
                password: Some(PASSWORD.to_owned()),
            };
            service.create_user(&Viewer::System, registration, role).await.unwrap()
        };
        user("staff", UserRole::Staff).await;
        let buyer = user("buyer", UserRole::Customer).await;
        let new = orderwire::domain::NewProduct::new(
            "lamp",
            "Lamp",
            orderwire::domain::Decimal::from_units(10_000),
            orderwire::domain::CurrencyCode::GBP,
        );
        let new = orderwire::domain::NewProduct { stock: 100, ..new };
        let product = service.create_product(&Viewer::System, new).await.unwrap().id;
        let login = json!({
            "query": "mutation ($email: String!, $password: String!) {
                login(input: { email: $email, password: $password }) { session { accessToken } } }",
            "variables": { "email": "staff@example.com", "password": PASSWORD },
        });
        let (_, session) = app.answer(false, &login).await;
        let token = session["data"]["login"]["session"]["accessToken"].as_str().unwrap();
        let authorization = format!("Bearer {token}");
        let buyer = service.open_session(&Viewer::System, buyer.id).await.unwrap().viewer();
        Self { authorization, app, counts, buyer, product, service }
    }

    /// Subscribes over each transport to what comes after the cursor.
    async fn subscribe(&self, after: &str) -> Vec<(&'static str, Subscriber)> {
        let request = json!({ "query": WATCH, "variables": { "after": after } });
        self.app.subscribers(&self.authorization, &request).await
    }

    /// Places an order; returns its number.
    async fn place(&self, key: &str) -> String {
        let order = PlaceOrder {
            items: vec![OrderInputLine { product: self.product, quantity: 1 }],
            region: Some("UK".to_owned()),
            payment_reference: None,
            idempotency_key: key.to_owned(),
        };
        self.service.place_order(&self.buyer, order).await.unwrap().order.number
    }

    fn head(&self) -> String {
        self.service.head().to_string()
    }

    /// Waits until tasks were asked for `times` times from now on.
    async fn tasks_are_read(&self, times: u64) {
        self.counts.take();
        let mut read = 0;
        wait_until("tasks are read", TIMEOUT, async || {
            read += self.counts.take().get("list_tasks").copied().unwrap_or_default();
            read >= times
        })
        .await;
    }
}

/// The next result is that of the order, whole.
async fn assert_next(name: &str, subscriber: &mut Subscriber, number: &str) {
    let result = subscriber.next().await.unwrap_or_else(|| panic!("{name} ended"));
    assert_eq!(result.get("errors"), None, "{name}");
    let order = json!({ "number": number, "tasks": { "nodes": [] } });
    assert_eq!(result["data"]["orderUpdates"]["order"], order, "{name}");
}

/// Subscribers that have had an update, and as many that have had none yet.
async fn old_and_new(shop: &Shop) -> Vec<(&'static str, Subscriber)> {
    let mut subscribers = shop.subscribe(&shop.head()).await;
    let number = shop.place("first").await;
    for (name, subscriber) in &mut subscribers {
        assert_next(name, subscriber, &number).await;
    }
    let head = shop.head();
    subscribers.extend(shop.subscribe(&head).await);
    subscribers
}

async fn an_update_that_cannot_be_read_for_a_moment_arrives_whole(database: &str, tasks: &impl Tasks) {
    let shop = Shop::open(database, "60s").await;
    let mut subscribers = old_and_new(&shop).await;
    tasks.break_down().await;
    let number = shop.place("second").await;
    // The second time, the first one has failed.
    shop.tasks_are_read(2).await;
    tasks.mend().await;
    let last = shop.place("third").await;
    for (name, subscriber) in &mut subscribers {
        assert_next(name, subscriber, &number).await;
        assert_next(name, subscriber, &last).await;
    }
    drop(subscribers);
    shop.app.stop().await;
}

async fn an_update_that_stays_unreadable_ends_subscriptions_with_the_cursor_before_it(
    database: &str,
    tasks: &impl Tasks,
) {
    let shop = Shop::open(database, "1s").await;
    let subscribers = old_and_new(&shop).await;
    tasks.break_down().await;
    let number = shop.place("second").await;
    let mut cursors = Vec::new();
    for (name, mut subscriber) in subscribers {
        let result = subscriber.next().await.unwrap_or_else(|| panic!("{name} ended"));
        assert_eq!(result.get("data"), None, "{name}");
        let extensions = &result["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "UNAVAILABLE", "{name}");
        cursors.push(extensions["cursor"].as_str().unwrap_or_else(|| panic!("{name}: {result}")).to_owned());
        if let Subscriber::Stream(..) = subscriber {
            assert_eq!(subscriber.next().await, None, "{name}");
        }
    }
    tasks.mend().await;
    cursors.dedup();
    assert_eq!(cursors.len(), 1);
    for (name, mut subscriber) in shop.subscribe(&cursors[0]).await {
        assert_next(name, &mut subscriber, &number).await;
    }
    shop.app.stop().await;
}

/// An error of the request itself is sent with its update, and the subscription goes on.
async fn an_error_of_the_request_does_not_hold_its_updates_up(database: &str) {
    let shop = Shop::open(database, "60s").await;
    let query = "subscription ($after: EventCursor) {
        orderUpdates(after: $after) { cursor order { number tasks(after: \"no cursor\") { nodes { title } } } } }";
    let request = json!({ "query": query, "variables": { "after": shop.head() } });
    let mut subscribers = shop.app.subscribers(&shop.authorization, &request).await;
    for key in ["first", "second"] {
        shop.place(key).await;
        for (name, subscriber) in &mut subscribers {
            // Without data, the protocols of WebSockets end a subscription at its first result.
            let Some(result) = subscriber.next().await else {
                assert!(key == "second" && name.contains("WebSocket"), "{name}");
                continue;
            };
            assert_eq!(result["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{name}");
        }
        subscribers.retain(|(name, _)| !name.contains("WebSocket"));
    }
    drop(subscribers);
    shop.app.stop().await;
}

async fn a_task_leaves_by_its_id_alone(database: &str) {
    let shop = Shop::open(database, "60s").await;
    let create = "mutation ($to: ID) { createTask(input: { title: \"Dust\", assigneeId: $to }) { task { id } } }";
    let assign = "mutation ($id: ID!) { updateTask(input: { id: $id, assigneeId: null }) { task { id } } }";
    let watch = "subscription ($after: EventCursor, $to: ID) {
        taskUpdates(after: $after, assigneeId: $to) { kind taskId task { title } } }";
    let send = async |query: &str, variables: Value| {
        let request = shop.app.request(false, &json!({ "query": query, "variables": variables }));
        let answer = request.header("authorization", &shop.authorization).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["data"].clone()
    };
    let to = shop.buyer.user_id().unwrap().to_string();
    let request = json!({ "query": watch, "variables": { "after": shop.head(), "to": to } });
    let subscribers = shop.app.subscribers(&shop.authorization, &request).await;
    let task = send(create, json!({ "to": to })).await["createTask"]["task"]["id"].clone();
    assert_eq!(send(assign, json!({ "id": task })).await["updateTask"]["task"]["id"], task);
    for (name, mut subscriber) in subscribers {
        for update in [
            json!({ "kind": "CREATED", "taskId": task, "task": { "title": "Dust" } }),
            json!({ "kind": "LEFT", "taskId": task, "task": null }),
        ] {
            assert_eq!(subscriber.next().await, Some(json!({ "data": { "taskUpdates": update } })), "{name}");
        }
    }
    shop.app.stop().await;
}

mod sqlite {
    use super::*;

    /// The database of one test, whose table of tasks can be hidden.
    struct File(tempfile::TempDir);

    impl File {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn url(&self) -> String {
            format!("sqlite://{}", self.0.path().join("orderwire.db").display())
        }

        fn rename(&self, from: &str, to: &str) {
            let connection = rusqlite::Connection::open(self.0.path().join("orderwire.db")).unwrap();
            connection.busy_timeout(Duration::from_secs(10)).unwrap();
            connection.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
        }
    }

    impl Tasks for File {
        async fn break_down(&self) {
            self.rename("tasks", "hidden");
        }

        async fn mend(&self) {
            self.rename("hidden", "tasks");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_update_that_cannot_be_read_for_a_moment_arrives_whole() {
        let file = File::new();
        super::an_update_that_cannot_be_read_for_a_moment_arrives_whole(&file.url(), &file).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_update_that_stays_unreadable_ends_subscriptions_with_the_cursor_before_it() {
        let file = File::new();
        super::an_update_that_stays_unreadable_ends_subscriptions_with_the_cursor_before_it(&file.url(), &file).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_error_of_the_request_does_not_hold_its_updates_up() {
        super::an_error_of_the_request_does_not_hold_its_updates_up(&File::new().url()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_leaves_by_its_id_alone_over_every_transport() {
        a_task_leaves_by_its_id_alone(&File::new().url()).await;
    }
}

mod mongodb {
    use ::mongodb::bson::doc;

    use super::*;
    use crate::support::{mongod::Mongod, port::free_port};

    /// A server of one test, which refuses to read tasks when it is told to.
    struct Server(Mongod, String);

    impl Server {
        async fn start() -> Self {
            let port = free_port();
            let url = format!("mongodb://127.0.0.1:{port}/shop?replicaSet=rs0");
            Self(Mongod::start(port).await, url)
        }
    }

    impl Tasks for Server {
        async fn break_down(&self) {
            let fail = doc! {
                "configureFailPoint": "failCommand", "mode": "alwaysOn",
                "data": { "failCommands": ["find", "aggregate"], "namespace": "shop.tasks", "errorCode": 50 },
            };
            self.0.admin.run_command(fail).await.unwrap();
        }

        async fn mend(&self) {
            self.0.admin.run_command(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_update_that_cannot_be_read_for_a_moment_arrives_whole() {
        let server = Server::start().await;
        super::an_update_that_cannot_be_read_for_a_moment_arrives_whole(&server.1, &server).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_update_that_stays_unreadable_ends_subscriptions_with_the_cursor_before_it() {
        let server = Server::start().await;
        super::an_update_that_stays_unreadable_ends_subscriptions_with_the_cursor_before_it(&server.1, &server).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_leaves_by_its_id_alone_over_every_transport() {
        let server = Server::start().await;
        a_task_leaves_by_its_id_alone(&server.1).await;
    }
}
