//! Two worlds that differ only in what a viewer may not see give that viewer the same answers: every field, filter,
//! sorting, total, cursor and error, generated from the schema.

mod generator;
mod updates;

use std::collections::BTreeSet;

use async_graphql::Variables;
use orderwire::{
    domain::{Order, Product, ProductStatus, Task, TaskPriority, TaskStatus, User, UserRole, Viewer},
    graphql::OperationRequest,
};
use serde_json::{Value, json};

use self::generator::Generator;
use crate::support::{
    api::{TestApi, viewer_with},
    data::{at, past_order, product, task, user},
};
use updates::worlds_that_change_in_what_is_hidden_send_the_same_updates;

macro_rules! on_two_databases_of_each_engine {
    (@ $engine:ident $($test:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            engine::check::<$engine>("api", async |left| {
                engine::check::<$engine>("api", async |right| {
                    let worlds = [TestApi::over(left.shared()).await, TestApi::over(right.shared()).await];
                    super::$test(worlds).await;
                })
                .await;
            })
            .await;
        }
    )+};
    ($($module:ident $engine:ident)+) => {$(
        mod $module {
            use crate::{contract::{engine, $module::$engine}, support::api::TestApi};

            on_two_databases_of_each_engine! {
                @ $engine
                worlds_that_differ_in_what_is_hidden_look_alike
                worlds_that_change_in_what_is_hidden_send_the_same_updates
            }
        }
    )+};
}

on_two_databases_of_each_engine! {
    sqlite Sqlite
    mongodb Mongodb
}

/// What both worlds have, and the ids and words that a viewer could guess.
struct World {
    users: Vec<User>,
    products: Vec<Product>,
    orders: Vec<Order>,
    tasks: Vec<Task>,
}

fn order(number: &str, customer: &User, lines: &[(&Product, i32)]) -> Order {
    Order { customer: customer.id, ..past_order(number, lines) }
}

/// The world that Anna sees, and beside it what differs between the worlds: the people on her tasks, the orders of
/// others that her tasks are about, the tasks, orders and details of others, and what is not on sale.
fn world(second: bool) -> World {
    let pick = |first: &str, other: &str| if second { other.to_owned() } else { first.to_owned() };
    let anna = User { region: Some("France".into()), ..user("anna") };
    let bert = User {
        region: Some(pick("Spain", "Malta")),
        email: Some(pick("b@example.com", "x@example.com")),
        ..user("bert")
    };
    let staff = User { role: UserRole::Staff, email: Some(pick("s@example.com", "t@example.com")), ..user("staff") };
    let other = User { role: UserRole::Staff, ..user("other") };

    let (lamp, jar) = (product("lamp"), product("jar"));
    let shared = [lamp.clone(), jar.clone(), Product { stock: 0, name: "Lamp shade".into(), ..product("shade") }];
    let old = Product {
        status: ProductStatus::Archived,
        name: pick("Lamp of old", "Jar jar jar"),
        tags: vec![pick("gift", "rare")],
        stock: if second { 7 } else { 0 },
        ..product("old")
    };
    let secret = Product { status: ProductStatus::Archived, name: "Secret lamp".into(), ..product("secret") };

    let mut mine = [order("mine 1", &anna, &[(&lamp, 2)]), order("mine 2", &anna, &[(&jar, 1), (&old_line(), 1)])];
    mine[0].history[0].actor = Some(if second { other.id } else { staff.id });
    mine[1].history[0].actor = second.then_some(staff.id);
    let hidden = order("hidden 1", &bert, &[(&old, if second { 9 } else { 2 })]);
    let more = order("hidden 2", &bert, &[(&old, 3)]);

    let by_anna = |title: &str| Task { created_by: anna.id, ..task(title) };
    let tasks = [
        Task { assignee: (!second).then_some(staff.id), ..by_anna("unpack the lamp") },
        Task {
            assignee: Some(if second { other.id } else { staff.id }),
            priority: TaskPriority::High,
            ..by_anna("clean")
        },
        Task { order: (!second).then_some(hidden.id), due_at: Some(at(50)), ..by_anna("count") },
        Task { order: Some(if second { more.id } else { hidden.id }), assignee: Some(anna.id), ..by_anna("weigh") },
        Task { order: Some(mine[0].id), created_by: staff.id, assignee: Some(anna.id), ..task("call the lamp shop") },
    ];
    let theirs = Task {
        created_by: bert.id,
        assignee: Some(staff.id),
        status: if second { TaskStatus::Done } else { TaskStatus::Todo },
        ..task(if second { "lamp count" } else { "other" })
    };
    let about_mine = Task { created_by: staff.id, order: Some(mine[1].id), ..task("look into it") };

    let mut world = World {
        users: vec![anna, bert, staff, other],
        products: shared.into_iter().chain([old]).collect(),
        orders: mine.into_iter().chain([hidden]).collect(),
        tasks: tasks.into_iter().chain([theirs]).collect(),
    };
    if second {
        world.users.push(user("carla"));
        world.products.push(secret);
        world.orders.push(more);
        world.tasks.push(about_mine);
    }
    world
}

/// The archived product as it was when Anna bought it.
fn old_line() -> Product {
    product("old")
}

impl World {
    async fn build(&self, api: &TestApi) {
        for user in &self.users {
            api.store.insert_user(user, None).await.unwrap();
        }
        api.store.import_products(&self.products).await.unwrap();
        api.store.import_orders(&self.orders).await.unwrap();
        api.store.import_tasks(&self.tasks).await.unwrap();
    }

    fn ids(&self) -> impl Iterator<Item = String> {
        let users = self.users.iter().map(|user| user.id.to_string());
        let products = self.products.iter().map(|product| product.id.to_string());
        let orders = self.orders.iter().map(|order| order.id.to_string());
        users.chain(products).chain(orders).chain(self.tasks.iter().map(|task| task.id.to_string()))
    }
}

/// All texts of the fields `cursor` in an answer.
fn cursors(answer: &Value) -> Vec<String> {
    match answer {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value.as_str()) {
                ("cursor", Some(cursor)) => vec![cursor.to_owned()],
                _ => cursors(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(cursors).collect(),
        _ => Vec::new(),
    }
}

/// The whole answer, with what the operation costs.
async fn answer(api: &TestApi, viewer: Viewer, document: &str, variables: &Value) -> Value {
    let request = OperationRequest {
        extensions: [("cost".to_owned(), async_graphql::Value::Boolean(true))].into(),
        ..OperationRequest::new(document).variables(Variables::from_json(variables.clone()))
    };
    let response = api.run(viewer, request).await;
    let errors: Vec<_> = response.errors.iter().map(|error| json!({ "error": error, "path": error.path })).collect();
    let mut extensions = json!(response.extensions);
    if let Some(cost) = extensions["cost"].as_object_mut() {
        // On MongoDB it contains the time that reads have taken, which chance decides.
        cost.remove("actualQueryCost");
        cost.remove("throttleStatus");
    }
    // It differs from answer to answer.
    extensions.as_object_mut().unwrap().remove("consistency");
    json!({ "data": response.data.into_json().unwrap(), "errors": errors, "extensions": extensions })
}

/// The answers of both worlds.
async fn answers(apis: &[TestApi; 2], viewers: [Viewer; 2], document: &str, variables: &Value) -> (Value, Value) {
    tokio::join!(answer(&apis[0], viewers[0], document, variables), answer(&apis[1], viewers[1], document, variables))
}

async fn worlds_that_differ_in_what_is_hidden_look_alike(apis: [TestApi; 2]) {
    let worlds = [world(false), world(true)];
    for (world, api) in worlds.iter().zip(&apis) {
        world.build(api).await;
    }
    let missing = ["ord_01J9Z3NDEKTSV4RRFFQ69G5FAV", "nothing"].map(str::to_owned);
    let ids = worlds.iter().flat_map(World::ids).chain(missing).collect();
    let generator = Generator::new(&apis[0].sdl(), ids);
    let [anna, staff] = [&worlds[0].users[0], &worlds[0].users[3]].map(|user| viewer_with(user.id, user.role));
    let parents = [
        ("Query", String::new()),
        ("User", "me {".to_owned()),
        ("Order", format!("order(id: \"{}\") {{", worlds[0].orders[0].id)),
        ("User", format!("task(id: \"{}\") {{ createdBy {{", worlds[0].tasks[4].id)),
    ];
    let (mut compared, mut seen_by_staff, mut different) = (0, 0, Vec::new());
    for (ty, parent) in parents {
        for field in generator.fields(ty).into_iter().filter(|field| !field.arguments.is_empty()) {
            let document = generator.document(&parent, field);
            let mut queue = generator.variables(field);
            while let Some(variables) = queue.pop() {
                // Anonymous viewers see so little that a part of the queries shows it.
                let viewers = [anna, Viewer::Anonymous];
                for viewer in viewers.into_iter().take(if ty == "Query" && compared % 4 == 0 { 2 } else { 1 }) {
                    let (first, second) = answers(&apis, [viewer; 2], &document, &variables).await;
                    if first != second {
                        different.push(format!("{} {variables} for {:?}", field.name.node, viewer.rights()));
                    }
                    compared += 1;
                    // Pages from each cursor of a whole list that Anna has.
                    let sorted = variables.as_object().unwrap().keys().eq(["orderBy"]);
                    if viewer == anna && sorted {
                        for (cursor, page) in cursors(&first)
                            .into_iter()
                            .flat_map(|cursor| ["after", "before"].map(|page| (cursor.clone(), page)))
                        {
                            let mut variables = variables.clone();
                            variables[page] = cursor.into();
                            queue.push(variables);
                        }
                    }
                }
                if ty == "Query" && compared % 6 == 0 {
                    let (first, second) = answers(&apis, [staff; 2], &document, &variables).await;
                    seen_by_staff += i32::from(first != second);
                }
            }
        }
    }
    let examples = &different[..different.len().min(20)];
    assert!(different.is_empty(), "{} of {compared} answers differ: {examples:#?}", different.len());
    assert!(compared > 1000 && seen_by_staff > 20, "{compared} answers, {seen_by_staff} differences seen by staff");
    mutations_answer_alike(&apis, &worlds).await;
}

/// Changes that name what is hidden are refused alike.
async fn mutations_answer_alike(apis: &[TestApi; 2], worlds: &[World; 2]) {
    let anna = &worlds[0].users[0];
    let viewers = [apis[0].viewer_of(anna).await, apis[1].viewer_of(anna).await];
    let own_orders =
        worlds[0].orders.iter().filter(|order| order.customer == anna.id).map(|order| order.id.to_string());
    let own_tasks: BTreeSet<String> = worlds[0].tasks[..5].iter().map(|task| task.id.to_string()).collect();
    let own: BTreeSet<String> = own_orders.chain([anna.id.to_string()]).collect();
    let ids: BTreeSet<String> = worlds.iter().flat_map(World::ids).filter(|id| !own.contains(id)).collect();
    let errors = "{ userErrors { code message field } }";
    for id in &ids {
        let mut calls: Vec<String> = own_tasks
            .iter()
            .map(|task| format!("updateTask(input: {{ id: \"{task}\", title: \"x\", assigneeId: \"{id}\" }})"))
            .collect();
        calls.push(format!("createTask(input: {{ title: \"x\", assigneeId: \"{id}\" }})"));
        calls.push(format!("createTask(input: {{ title: \"x\", orderId: \"{id}\" }})"));
        calls.push(format!("cancelOrder(input: {{ orderId: \"{id}\" }})"));
        let items = format!("[{{ productId: \"{id}\", quantity: 1000 }}]");
        calls.push(format!("placeOrder(input: {{ items: {items}, idempotencyKey: \"{id}\" }})"));
        if !own_tasks.contains(id) {
            calls.push(format!("updateTask(input: {{ id: \"{id}\", title: \"x\", expectedVersion: 9 }})"));
            calls.push(format!("deleteTask(input: {{ id: \"{id}\" }})"));
        }
        for call in calls {
            let document = format!("mutation {{ {call} {errors} }}");
            let (first, second) = answers(apis, viewers, &document, &json!({})).await;
            assert_eq!(first, second, "{document}");
            assert!(first.to_string().contains("code"), "{document} is refused: {first}");
        }
    }
}
