//! The updates of two worlds of which one also changes in what a viewer may not see.

use std::{sync::Arc, time::Duration};

use async_graphql::Response;
use futures_util::{StreamExt, stream::BoxStream};
use orderwire::{domain::*, storage::Store};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    generator::Generator,
    world::{World, build},
};
use crate::support::{
    api::{TestApi, viewer_with},
    data::{adjustment, by_system, step},
    wait_until,
    ws::TIMEOUT,
};

/// How long nothing more may arrive once both worlds have sent the same.
const QUIET: Duration = Duration::from_millis(300);

/// What a subscription has sent so far, without the positions in the log, of which each database has its own.
type Received = Arc<Mutex<Vec<Value>>>;

/// Reads a subscription until the set is dropped.
fn receive(readers: &mut JoinSet<()>, mut stream: BoxStream<'static, Response>) -> Received {
    let received = Received::default();
    let into = received.clone();
    readers.spawn(async move {
        while let Some(response) = stream.next().await {
            let errors: Vec<Value> = response.errors.iter().map(without_cursor).collect();
            into.lock().push(json!({ "data": response.data.into_json().unwrap(), "errors": errors }));
        }
        into.lock().push(json!("ended"));
    });
    received
}

fn without_cursor(error: &async_graphql::ServerError) -> Value {
    let mut error = json!(error);
    if let Some(extensions) = error["extensions"].as_object_mut() {
        extensions.remove("cursor");
    }
    error
}

/// What happens to others, which Anna may not see: to a customer's order and task, and to what is not on sale.
async fn change_what_is_hidden(store: &dyn Store, world: &World, second: i64) {
    let stamp = by_system(second);
    let [.., hidden_order] = &world.orders[..3] else { panic!("there is a hidden order") };
    let (hidden_task, archived) = (&world.tasks[5], &world.products[3]);
    store.change_order_status(step(hidden_order.id, OrderStatus::Returned), stamp).await.unwrap();
    let rename = TaskChanges { title: Some(format!("lamp {second}")), ..TaskChanges::default() };
    store.update_task(hidden_task.id, rename, None, stamp).await.unwrap();
    store.adjust_stock(adjustment(archived, 1), stamp).await.unwrap();
    let changes = ProductChanges { name: Some("Other".to_owned()), ..ProductChanges::default() };
    store.update_product(archived.id, changes, None, stamp).await.unwrap();
    let secret = Product { status: ProductStatus::Archived, ..crate::support::data::product("new secret") };
    store.insert_product(secret, stamp).await.unwrap();
    let bert = UserChanges { name: Some("Bertrand".to_owned()), role: Some(UserRole::Staff), ..UserChanges::default() };
    store.update_user(world.users[1].id, bert, None, stamp).await.unwrap();
    store.delete_task(hidden_task.id, stamp).await.unwrap();
}

/// What happens to Anna's order and task, and to what is on sale.
async fn change_what_is_seen(store: &dyn Store, world: &World, second: i64) {
    let stamp = by_system(second);
    store.change_order_status(step(world.orders[0].id, OrderStatus::Returned), stamp).await.unwrap();
    let rename = TaskChanges { title: Some("unpack".to_owned()), ..TaskChanges::default() };
    store.update_task(world.tasks[4].id, rename, None, stamp).await.unwrap();
    store.adjust_stock(adjustment(&world.products[0], 2), stamp).await.unwrap();
    store.update_product(world.products[1].id, ProductChanges::archive(), None, stamp).await.unwrap();
}

pub async fn worlds_that_change_in_what_is_hidden_send_the_same_updates(apis: [TestApi; 2]) {
    let worlds = build(&apis).await;
    let missing = "ord_01J9Z3NDEKTSV4RRFFQ69G5FAV".to_owned();
    let ids = worlds.iter().flat_map(World::ids).chain([missing]).collect();
    let generator = Generator::new(&apis[0].sdl(), ids);
    let anna = viewer_with(worlds[0].users[0].id, UserRole::Customer);
    let (mut subscriptions, mut readers) = (Vec::new(), JoinSet::new());
    for field in generator.fields("Subscription") {
        let document = generator.subscription(field);
        let resumes = field.arguments.iter().any(|argument| argument.node.name.node == "after");
        for variables in generator.variables(field) {
            for viewer in [anna, Viewer::Anonymous] {
                let received = apis.each_ref().map(|api| {
                    let mut variables = variables.clone();
                    if resumes {
                        variables["after"] = api.service.head().to_string().into();
                    }
                    receive(&mut readers, api.stream(viewer, &document, variables))
                });
                let name = format!("{} {variables} for {:?}", field.name.node, viewer.rights());
                subscriptions.push(Subscription { name, resumes, received });
            }
        }
    }
    // Those that resume have a place in the log; the others begin with a state or a refusal.
    let begun =
        || subscriptions.iter().all(|one| one.resumes || one.received.iter().all(|sent| !sent.lock().is_empty()));
    wait_until("subscriptions without a cursor begin", TIMEOUT, async || begun()).await;

    change_what_is_hidden(&*apis[1].store, &worlds[1], 1).await;
    for (api, world) in apis.iter().zip(&worlds) {
        change_what_is_seen(&*api.store, world, 2).await;
    }
    let differing = || subscriptions.iter().filter(|one| one.differs()).map(|one| &*one.name).collect::<Vec<_>>();
    // Without another end, a difference would only show as a test that takes too long.
    let alike = async {
        wait_until("the same updates", 2 * TIMEOUT, async || heard(&subscriptions) > 5 && differing().is_empty()).await
    };
    _ = timeout(TIMEOUT / 3, alike).await;
    // Updates of what is hidden come before the others, but some subscriptions hear of nothing else.
    sleep(QUIET).await;
    let different = differing();
    let examples = &different[..different.len().min(10)];
    assert!(different.is_empty(), "{} of {} subscriptions differ: {examples:#?}", different.len(), subscriptions.len());
    let heard = heard(&subscriptions);
    assert!(subscriptions.len() > 100 && heard > 5, "{heard} of {} subscriptions heard something", subscriptions.len());
}

/// A subscription in both worlds.
struct Subscription {
    name: String,
    resumes: bool,
    received: [Received; 2],
}

impl Subscription {
    fn differs(&self) -> bool {
        *self.received[0].lock() != *self.received[1].lock()
    }
}

/// How many subscriptions have sent updates in both worlds.
fn heard(subscriptions: &[Subscription]) -> usize {
    let has_data = |sent: &Received| sent.lock().iter().any(|one| one.get("data").is_some_and(|data| !data.is_null()));
    subscriptions.iter().filter(|one| one.received.iter().all(has_data)).count()
}
