//! What a mutation was allowed for is taken away after it was checked and before the write: for every mutation of the
//! schema, the session, the user, the role, and what it is about. The write is refused, and nothing is written.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    time::Duration,
};

use orderwire::{
    domain::*,
    storage::{Credentials, LogState, Store},
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::access::{run, schema_fields};
use crate::support::{
    api::{PASSWORD, TestApi},
    data::{by_system, step},
};

on_each_engine! {
    what_is_taken_away_before_the_write_no_longer_counts
}

/// What happens between the check and the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// The session of the request ends.
    Session,
    /// The actor is deleted.
    Actor,
    /// The actor becomes a customer.
    Role,
    /// The actor gets another password.
    Password,
    /// The task that the actor is assigned to is given to the bystander.
    Assignment,
    /// Both tasks are deleted.
    Tasks,
    /// The bystander is deleted.
    Bystander,
    /// The product is archived.
    Product,
    /// The order is shipped.
    Order,
    /// The webhook is deleted.
    Webhook,
}

/// A mutation with the fields of its input, who may make it, and what it answers after what it is about has changed.
struct Guarded {
    mutation: &'static str,
    input: &'static str,
    actor: UserRole,
    after: &'static [(Loss, &'static str)],
}

impl Guarded {
    fn call(&self) -> String {
        let Self { mutation, input, .. } = self;
        let arguments = if input.is_empty() { String::new() } else { format!("(input: {{ {input} }})") };
        format!("{mutation}{arguments} {{ userErrors {{ code }} }}")
    }
}

const fn guarded(
    mutation: &'static str,
    actor: UserRole,
    input: &'static str,
    after: &'static [(Loss, &'static str)],
) -> Guarded {
    Guarded { mutation, input, actor, after }
}

use Loss::{Assignment, Bystander, Order, Password, Product, Tasks, Webhook};
use UserRole::{Admin, Customer, Staff};

const GUARDED: &[Guarded] = &[
    guarded("logoutEverywhere", Customer, "", &[]),
    guarded("updateProfile", Customer, r#"region: "France""#, &[]),
    guarded("updateProfile", Customer, "email: $fresh, currentPassword: $password", &[(Password, "UNAUTHENTICATED")]),
    guarded(
        "changePassword",
        Customer,
        "currentPassword: $password, newPassword: $fresh",
        &[(Password, "UNAUTHENTICATED")],
    ),
    guarded("updateUserRole", Admin, "userId: $bystander, role: STAFF", &[(Bystander, "NOT_FOUND")]),
    guarded("deleteUser", Admin, "userId: $bystander", &[(Bystander, "NOT_FOUND")]),
    guarded("createApiKey", Admin, r#"name: "K", scopes: [READ_TASKS]"#, &[]),
    guarded("revokeApiKey", Admin, "id: $key", &[]),
    guarded("createProduct", Staff, r#"sku: $fresh, name: "New", price: "1""#, &[]),
    guarded("updateProduct", Staff, r#"id: $product, price: "2""#, &[]),
    guarded("adjustStock", Staff, "productId: $product, delta: 1, idempotencyKey: $fresh", &[]),
    guarded("archiveProduct", Staff, "id: $product", &[]),
    guarded(
        "placeOrder",
        Customer,
        "items: [{ productId: $product, quantity: 1 }], idempotencyKey: $fresh",
        &[(Product, "NOT_FOUND")],
    ),
    guarded("updateOrderStatus", Staff, "orderId: $order, status: CONFIRMED", &[(Order, "INVALID_TRANSITION")]),
    guarded("cancelOrder", Customer, "orderId: $order", &[(Order, "INVALID_TRANSITION")]),
    guarded("cancelOrder", Staff, "orderId: $others", &[]),
    guarded("updateMetadata", Staff, r#"id: $product, set: [{ key: "k", value: "v" }]"#, &[]),
    guarded("updateMetadata", Staff, r#"id: $others, set: [{ key: "k", value: "v" }], private: true"#, &[]),
    guarded("updateMetadata", Staff, r#"id: $assigned, set: [{ key: "k", value: "v" }]"#, &[(Tasks, "NOT_FOUND")]),
    guarded("updateMetadata", Admin, r#"id: $bystander, set: [{ key: "k", value: "v" }]"#, &[(Bystander, "NOT_FOUND")]),
    guarded("createTask", Customer, r#"title: "New", orderId: $order"#, &[]),
    guarded("createTask", Staff, r#"title: "New", assigneeId: $bystander"#, &[(Bystander, "NOT_FOUND")]),
    guarded(
        "updateTask",
        Customer,
        r#"id: $assigned, title: "Other""#,
        &[(Assignment, "NOT_FOUND"), (Tasks, "NOT_FOUND")],
    ),
    guarded(
        "updateTask",
        Staff,
        "id: $assigned, assigneeId: $bystander",
        &[(Bystander, "NOT_FOUND"), (Tasks, "NOT_FOUND")],
    ),
    guarded("createWebhook", Admin, r#"url: "http://127.0.0.1:9999/", kinds: [ORDER_PLACED]"#, &[]),
    guarded("updateWebhook", Admin, "id: $webhook, paused: true", &[(Webhook, "NOT_FOUND")]),
    guarded("rotateWebhookSecret", Admin, "id: $webhook", &[(Webhook, "NOT_FOUND")]),
    guarded("replayWebhook", Admin, "id: $webhook, after: $cursor", &[(Webhook, "NOT_FOUND")]),
    guarded("deleteWebhook", Admin, "id: $webhook", &[(Webhook, "NOT_FOUND")]),
    guarded("retryJob", Admin, "id: $job", &[]),
    guarded("discardJob", Admin, "id: $job", &[]),
    guarded("deleteTask", Customer, "id: $task", &[(Tasks, "NOT_FOUND")]),
    guarded("deleteTask", Staff, "id: $assigned", &[(Tasks, "NOT_FOUND")]),
];

/// The mutations that no right of a viewer allows, with the reason.
const UNGUARDED: &[(&str, &str)] = &[
    ("register", "anyone may"),
    ("login", "the password allows it; the contract tests change it in between"),
    ("refreshSession", "the token allows it; the contract tests use it up in between"),
    ("createStreamTicket", "it writes nothing, and a ticket opens nothing once its session has ended"),
    ("testWebhook", "it changes nothing, and sends what its admin may read"),
    ("logout", "it ends its own session only, which does nothing the second time"),
];

/// What one call is about.
#[derive(Clone)]
struct Case {
    viewer: Viewer,
    bystander: UserId,
    product: ProductId,
    order: OrderId,
    tasks: [TaskId; 2],
    webhook: Option<WebhookId>,
    job: JobId,
    variables: Value,
}

/// What is stored of a case, and how much there is in all.
type State = (LogState, Vec<Option<Job>>, Vec<Consumer>, Vec<Option<User>>, Vec<Option<Credentials>>, Vec<u64>);

impl Case {
    async fn new(api: &TestApi, staff: Viewer, name: &str, role: UserRole) -> Self {
        let viewer = api.viewer(name, role).await;
        let bystander = api.new_user(&format!("bystander-{name}"), Customer).await.id;
        let actor = viewer.user_id().unwrap();
        let product = json!({ "sku": format!("sku-{name}"), "name": "P", "price": "1", "stock": 1000 });
        let product = api.product(staff, product).await;
        let place = "mutation ($product: ID!, $key: String!) { placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: $key }) { order { id } } }";
        let order = async |buyer: Viewer| {
            let placed = api.data(buyer, place, json!({ "product": product, "key": format!("case {name}") })).await;
            placed["placeOrder"]["order"]["id"].clone()
        };
        let create =
            "mutation ($assignee: ID) { createTask(input: { title: \"T\", assigneeId: $assignee }) { task { id } } }";
        let task = async |by: Viewer, assignee: Value| {
            api.data(by, create, json!({ "assignee": assignee })).await["createTask"]["task"]["id"].clone()
        };
        let now = SystemClock.now();
        let key = ApiKey {
            id: ApiKeyId::generate(now),
            name: "Key".to_owned(),
            prefix: "owk_".to_owned(),
            scopes: Scopes::from_iter([Scope::ReadTasks]),
            created_by: actor,
            last_used_at: None,
            expires_at: None,
            created_at: now,
        };
        api.store.insert_api_key(&key, rand::random(), Stamp::system(now)).await.unwrap();
        let webhook = if role == Admin { Some(api.new_webhook().await.id) } else { None };
        let job = Job::once(JobKind::Prune, String::new(), 1, now);
        api.store.insert_jobs(std::slice::from_ref(&job)).await.unwrap();
        let variables = json!({
            "job": job.id.to_string(),
            "webhook": webhook.map(|webhook| webhook.to_string()),
            "cursor": api.data(staff, "{ eventCursor }", json!({})).await["eventCursor"],
            "bystander": bystander.to_string(),
            "product": product,
            "order": order(viewer).await,
            "others": order(staff).await,
            "task": task(viewer, Value::Null).await,
            "assigned": task(staff, json!(actor.to_string())).await,
            "key": key.id.to_string(),
            "fresh": format!("{name}@new.example.com"),
            "password": PASSWORD,
        });
        fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
            value.as_str().unwrap().parse().unwrap()
        }
        Self {
            viewer,
            bystander,
            product: id(&variables["product"]),
            order: id(&variables["order"]),
            tasks: [id(&variables["task"]), id(&variables["assigned"])],
            webhook,
            job: job.id,
            variables,
        }
    }

    async fn lose(&self, loss: Loss, store: &dyn Store) {
        let (stamp, actor) = (by_system(1), self.viewer.user_id().unwrap());
        let Viewer::User { session, .. } = self.viewer else { panic!("a signed-in viewer") };
        match loss {
            Loss::Session => store.end_session(session, stamp.at).await.unwrap(),
            Loss::Actor => _ = store.delete_user(actor, stamp).await.unwrap(),
            Loss::Role => {
                let customer = UserChanges { role: Some(Customer), ..UserChanges::default() };
                store.update_user(actor, customer, None, stamp).await.unwrap();
            }
            Loss::Password => _ = store.set_password(actor, "other", None, stamp).await.unwrap(),
            Loss::Assignment => {
                let give = TaskChanges { assignee: Some(Some(self.bystander)), ..TaskChanges::default() };
                store.update_task(self.tasks[1], give, None, stamp).await.unwrap();
            }
            Loss::Tasks => {
                for task in self.tasks {
                    store.delete_task(task, stamp).await.unwrap();
                }
            }
            Loss::Bystander => _ = store.delete_user(self.bystander, stamp).await.unwrap(),
            Loss::Product => {
                store.update_product(self.product, ProductChanges::archive(), None, stamp).await.unwrap();
            }
            Loss::Webhook => {
                let webhook = self.webhook.expect("the case of an admin");
                store.delete_consumer(&webhook.to_string(), stamp).await.unwrap();
            }
            Loss::Order => {
                for status in [OrderStatus::Confirmed, OrderStatus::Shipped] {
                    store.change_order_status(step(self.order, status), stamp).await.unwrap();
                }
            }
        }
    }

    async fn state(&self, store: &dyn Store) -> State {
        store.catch_up_log().await.unwrap();
        let users = [self.viewer.user_id().unwrap(), self.bystander];
        let mut credentials = Vec::new();
        for user in users {
            credentials.push(store.credentials_by_id(user).await.unwrap());
        }
        let counts = [
            store.count_users(&[UserFilter::default()]).await.unwrap(),
            store.count_products(&[ProductFilter::default()]).await.unwrap(),
            store.count_orders(&[OrderFilter::default()]).await.unwrap(),
            store.count_tasks(&[TaskFilter::default()]).await.unwrap(),
            vec![store.api_keys().await.unwrap().len() as u64],
        ];
        let webhooks = store.list_consumers("", "", 1000).await.unwrap();
        (
            store.log_state().await.unwrap(),
            store.jobs(&[self.job]).await.unwrap(),
            webhooks,
            store.users_by_ids(&users).await.unwrap(),
            credentials,
            counts.concat(),
        )
    }
}

/// Whether a method of the store only reads. Every other one counts as a write.
fn is_read(method: &str) -> bool {
    let others = ["session_users", "read_log", "catch_up_log", "backlog", "epoch", "ping", "api_keys", "consumers"];
    ["list_", "count_"].iter().any(|prefix| method.starts_with(prefix))
        || ["_by_", "log_state"].iter().any(|part| method.contains(part))
        || others.contains(&method)
}

/// What to take away before the next write, and what was stored then.
#[derive(Default)]
struct Plan {
    next: Option<(Case, Loss)>,
    left: Option<State>,
}

fn take_away_before_writes(api: &TestApi) -> Arc<Mutex<Plan>> {
    let plan = Arc::new(Mutex::new(Plan::default()));
    let (shared, store): (_, Weak<dyn Store>) = (plan.clone(), Arc::downgrade(&api.store));
    api.run_before_calls(Arc::new(move |method| {
        let (plan, store) = (shared.clone(), store.clone());
        Box::pin(async move {
            let next = if is_read(method) { None } else { plan.lock().next.take() };
            let Some((case, loss)) = next else { return };
            let store = store.upgrade().unwrap();
            case.lose(loss, &*store).await;
            let left = case.state(&*store).await;
            plan.lock().left = Some(left);
        })
    }));
    plan
}

async fn what_is_taken_away_before_the_write_no_longer_counts(api: TestApi) {
    let tabled = GUARDED.iter().map(|guarded| guarded.mutation).chain(UNGUARDED.iter().map(|(mutation, _)| *mutation));
    let tabled: BTreeSet<String> = tabled.map(|mutation| format!("Mutation.{mutation}")).collect();
    assert_eq!(tabled, schema_fields(&["Mutation"]), "say here what allows each mutation");

    let staff = api.viewer("staff", Staff).await;
    let plan = take_away_before_writes(&api);
    let call = async |case: &Case, guarded: &Guarded| {
        let root = format!("Mutation.{}", guarded.mutation);
        run(&api, case.viewer, &root, &guarded.call(), case.variables.clone(), Duration::ZERO).await
    };
    let mut wrong = Vec::new();
    for (row, guarded) in GUARDED.iter().enumerate() {
        let untouched = Case::new(&api, staff, &format!("{row}-untouched"), guarded.actor).await;
        assert_eq!(call(&untouched, guarded).await, "ok", "{}", guarded.call());

        let mut losses = vec![(Loss::Session, "UNAUTHENTICATED"), (Loss::Actor, "UNAUTHENTICATED")];
        if guarded.actor != Customer {
            losses.push((Loss::Role, "FORBIDDEN"));
        }
        losses.extend(guarded.after);
        for (loss, expected) in losses {
            let case = Case::new(&api, staff, &format!("{row}-{loss:?}").to_lowercase(), guarded.actor).await;
            plan.lock().next = Some((case.clone(), loss));
            let answer = call(&case, guarded).await;
            let left = plan.lock().left.take().expect("the mutation has come to its write");
            if answer != expected {
                wrong.push(format!("{} after {loss:?}: {answer} instead of {expected}", guarded.call()));
            }
            if case.state(&*api.store).await != left {
                wrong.push(format!("{} after {loss:?} has written", guarded.call()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
