//! Two worlds that differ only in what a viewer may not see give that viewer the same answers: every field, filter,
//! sorting, total, cursor and error, generated from the schema.

mod generator;
mod updates;
mod world;

use std::collections::BTreeSet;

use async_graphql::Variables;
use orderwire::{domain::Viewer, graphql::OperationRequest};
use serde_json::{Value, json};

use self::{
    generator::Generator,
    world::{World, build},
};
use crate::support::api::{TestApi, viewer_with};
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
                root_fields_look_alike_in_worlds_that_differ_in_what_is_hidden
                lists_of_orders_look_alike_in_worlds_that_differ_in_what_is_hidden
                lists_of_tasks_look_alike_in_worlds_that_differ_in_what_is_hidden
                lists_below_oneself_look_alike_in_worlds_that_differ_in_what_is_hidden
                lists_below_an_order_look_alike_in_worlds_that_differ_in_what_is_hidden
                lists_below_somebody_else_look_alike_in_worlds_that_differ_in_what_is_hidden
                changes_of_what_is_hidden_are_refused_alike
                worlds_that_change_in_what_is_hidden_send_the_same_updates
            }
        }
    )+};
}

on_two_databases_of_each_engine! {
    sqlite Sqlite
    mongodb Mongodb
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

/// Fields of the root whose queries are so many that they have tests of their own.
const LARGE: [&str; 2] = ["orders", "tasks"];

async fn root_fields_look_alike_in_worlds_that_differ_in_what_is_hidden(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
    look_alike(&apis, &worlds, "Query", "", 400, |field| !LARGE.contains(&field)).await;
}

async fn lists_of_orders_look_alike_in_worlds_that_differ_in_what_is_hidden(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
    look_alike(&apis, &worlds, "Query", "", 100, |field| field == LARGE[0]).await;
}

async fn lists_of_tasks_look_alike_in_worlds_that_differ_in_what_is_hidden(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
    look_alike(&apis, &worlds, "Query", "", 100, |field| field == LARGE[1]).await;
}

async fn lists_below_oneself_look_alike_in_worlds_that_differ_in_what_is_hidden(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
    look_alike(&apis, &worlds, "User", "me {", 100, |_| true).await;
}

async fn lists_below_an_order_look_alike_in_worlds_that_differ_in_what_is_hidden(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
    let parent = format!("order(id: \"{}\") {{", worlds[0].orders[0].id);
    look_alike(&apis, &worlds, "Order", &parent, 10, |_| true).await;
}

async fn lists_below_somebody_else_look_alike_in_worlds_that_differ_in_what_is_hidden(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
    let parent = format!("task(id: \"{}\") {{ createdBy {{", worlds[0].tasks[4].id);
    look_alike(&apis, &worlds, "User", &parent, 100, |_| true).await;
}

/// Compares the answers to queries of the wanted fields of a type, inside of `parent`, which are more than `least`.
async fn look_alike(
    apis: &[TestApi; 2],
    worlds: &[World; 2],
    ty: &str,
    parent: &str,
    least: usize,
    is_wanted: fn(&str) -> bool,
) {
    let missing = ["ord_01J9Z3NDEKTSV4RRFFQ69G5FAV", "nothing"].map(str::to_owned);
    let ids = worlds.iter().flat_map(World::ids).chain(missing).collect();
    let generator = Generator::new(&apis[0].sdl(), ids);
    let [anna, staff] = [&worlds[0].users[0], &worlds[0].users[3]].map(|user| viewer_with(user.id, user.role));
    let (mut compared, mut seen_by_staff, mut different) = (0, 0, Vec::new());
    let fields = generator.fields(ty).into_iter().filter(|field| !field.arguments.is_empty());
    for field in fields.filter(|field| is_wanted(&field.name.node)) {
        let document = generator.document(parent, field);
        let mut queue = generator.variables(field);
        while let Some(variables) = queue.pop() {
            // Anonymous viewers see so little that a part of the queries shows it.
            let viewers = [anna, Viewer::Anonymous];
            for viewer in viewers.into_iter().take(if ty == "Query" && compared % 4 == 0 { 2 } else { 1 }) {
                let (first, second) = answers(apis, [viewer; 2], &document, &variables).await;
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
                let (first, second) = answers(apis, [staff; 2], &document, &variables).await;
                seen_by_staff += usize::from(first != second);
            }
        }
    }
    let examples = &different[..different.len().min(20)];
    assert!(different.is_empty(), "{} of {compared} answers differ: {examples:#?}", different.len());
    let of_staff = if ty == "Query" { 5 } else { 0 };
    assert!(
        compared > least && seen_by_staff >= of_staff,
        "{compared} answers, {seen_by_staff} differences seen by staff: {parent}"
    );
}

async fn changes_of_what_is_hidden_are_refused_alike(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
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
