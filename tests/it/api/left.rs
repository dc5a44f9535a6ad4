//! A task that leaves what a subscription sees or asks for is told once more, by its id alone.

use async_graphql::Response;
use futures_util::{StreamExt, poll, stream::BoxStream};
use orderwire::domain::{Timestamp, UserId, UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::{
    api::{TestApi, error_codes, next},
    wait_until,
    ws::TIMEOUT,
};

on_each_engine! {
    a_reassigned_or_unassigned_task_leaves_those_who_saw_it_and_nobody_else
    a_task_leaves_a_subscription_that_resumes_from_the_log_of_another_node
    a_task_that_leaves_and_comes_back_is_told_in_order
    a_customer_cannot_ask_who_is_assigned
    a_deleted_task_is_deleted_for_those_who_see_it_only
}

/// One document for all subscribers, so that only rights and arguments tell them apart.
const WATCH: &str = "subscription ($task: ID, $assignee: ID, $after: EventCursor) {
    taskUpdates(taskId: $task, assigneeId: $assignee, after: $after) { cursor kind taskId task { id title } } }";

/// A staff member and three customers, the first of whom is assigned to the task.
struct Desk {
    api: TestApi,
    staff: Viewer,
    anna: Viewer,
    ben: Viewer,
    carl: Viewer,
    task: Value,
}

fn id(viewer: Viewer) -> String {
    viewer.user_id().unwrap().to_string()
}

impl Desk {
    async fn new(api: TestApi) -> Self {
        let staff = api.viewer("staff", UserRole::Staff).await;
        let mut customers = Vec::new();
        for name in ["anna", "ben", "carl"] {
            customers.push(api.viewer(name, UserRole::Customer).await);
        }
        let [anna, ben, carl] = customers.try_into().unwrap();
        let create = "mutation ($assignee: ID!) { createTask(input: { title: \"Dust\", description: \"secret\",
            assigneeId: $assignee }) { task { id } userErrors { message } } }";
        let made = api.data(staff, create, json!({ "assignee": id(anna) })).await;
        Self { task: made["createTask"]["task"]["id"].clone(), api, staff, anna, ben, carl }
    }

    /// Opens a subscription to what happens from now on and polls it, so that it is active.
    async fn watch(&self, viewer: Viewer, variables: Value) -> BoxStream<'static, Response> {
        self.cursor().await;
        let mut stream = self.api.stream(viewer, WATCH, variables);
        assert!(poll!(stream.next()).is_pending());
        stream
    }

    async fn change(&self, changes: Value) {
        let update = "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userErrors { message } } }";
        let mut input = changes;
        input["id"] = self.task.clone();
        let updated = self.api.data(self.staff, update, json!({ "input": input })).await;
        assert_eq!(updated["updateTask"]["userErrors"], json!([]));
    }

    async fn assign(&self, assignee: Option<Viewer>, title: &str) {
        self.change(json!({ "assigneeId": assignee.map(id), "title": title })).await;
    }

    /// The end of the log, once the feed is there.
    async fn cursor(&self) -> Value {
        self.api.store.catch_up_log().await.unwrap();
        let head = self.api.store.log_state().await.unwrap().head;
        wait_until("the feed knows what happened", TIMEOUT, async || self.api.service.head().seq() >= Some(head)).await;
        self.api.data(self.staff, "{ eventCursor }", json!({})).await["eventCursor"].clone()
    }

    fn left(&self) -> Value {
        json!({ "kind": "LEFT", "taskId": self.task, "task": null })
    }

    fn seen(&self, kind: &str, title: &str) -> Value {
        json!({ "kind": kind, "taskId": self.task, "task": { "id": self.task, "title": title } })
    }

    /// The next update without its cursor.
    async fn next(&self, stream: &mut BoxStream<'static, Response>) -> Value {
        let response = next(stream).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        let mut update = response.data.into_json().unwrap()["taskUpdates"].take();
        assert!(update.as_object_mut().unwrap().remove("cursor").unwrap().is_string());
        update
    }
}

async fn a_reassigned_or_unassigned_task_leaves_those_who_saw_it_and_nobody_else(api: TestApi) {
    let desk = Desk::new(api).await;
    let by_assignee = |viewer| json!({ "assignee": id(viewer) });
    let mut all = desk.watch(desk.staff, json!({})).await;
    let mut of_anna = desk.watch(desk.staff, by_assignee(desk.anna)).await;
    let mut of_ben = desk.watch(desk.staff, by_assignee(desk.ben)).await;
    let mut anna = desk.watch(desk.anna, json!({})).await;
    let mut anna_by_id = desk.api.stream(desk.anna, WATCH, json!({ "task": desk.task }));
    assert_eq!(desk.next(&mut anna_by_id).await, desk.seen("SNAPSHOT", "Dust"));
    let mut ben = desk.watch(desk.ben, json!({})).await;
    let mut carl = desk.watch(desk.carl, json!({})).await;
    let mut carl_by_id = desk.watch(desk.carl, json!({ "task": desk.task, "after": desk.cursor().await })).await;

    desk.assign(Some(desk.ben), "Wipe").await;
    for stream in [&mut of_anna, &mut anna, &mut anna_by_id] {
        assert_eq!(desk.next(stream).await, desk.left());
    }
    for stream in [&mut all, &mut of_ben, &mut ben] {
        assert_eq!(desk.next(stream).await, desk.seen("UPDATED", "Wipe"));
    }
    desk.assign(None, "Scrub").await;
    for stream in [&mut of_ben, &mut ben] {
        assert_eq!(desk.next(stream).await, desk.left());
    }
    assert_eq!(desk.next(&mut all).await, desk.seen("UPDATED", "Scrub"));
    desk.change(json!({ "title": "Mop" })).await;
    assert_eq!(desk.next(&mut all).await, desk.seen("UPDATED", "Mop"));
    // The log has nothing more for the others: neither later changes, nor anything for who never saw the task.
    for stream in [&mut of_anna, &mut anna, &mut anna_by_id, &mut of_ben, &mut ben, &mut carl, &mut carl_by_id] {
        assert!(poll!(stream.next()).is_pending());
    }
}

async fn a_task_leaves_a_subscription_that_resumes_from_the_log_of_another_node(api: TestApi) {
    let desk = Desk::new(api).await;
    let cursor = desk.cursor().await;
    desk.assign(Some(desk.ben), "Wipe").await;
    desk.change(json!({ "title": "Mop" })).await;
    desk.assign(None, "Scrub").await;
    // Its feed has read the changes from the log.
    let desk = Desk { api: TestApi::over(desk.api.store.clone()).await, ..desk };
    let after = json!({ "after": cursor });
    for (viewer, updates) in [
        (desk.anna, vec![desk.left()]),
        (desk.ben, vec![desk.seen("UPDATED", "Wipe"), desk.seen("UPDATED", "Mop"), desk.left()]),
        (desk.carl, Vec::new()),
    ] {
        let mut stream = desk.api.stream(viewer, WATCH, after.clone());
        for update in updates {
            assert_eq!(desk.next(&mut stream).await, update);
        }
        // A task of their own shows that nothing else came before it.
        let create = "mutation { createTask(input: { title: \"Own\" }) { task { id } } }";
        let own = desk.api.data(viewer, create, json!({})).await["createTask"]["task"]["id"].clone();
        assert_eq!(desk.next(&mut stream).await["taskId"], own);
    }
}

async fn a_task_that_leaves_and_comes_back_is_told_in_order(api: TestApi) {
    let desk = Desk::new(api).await;
    let mut anna = desk.watch(desk.anna, json!({})).await;
    desk.assign(Some(desk.ben), "Wipe").await;
    desk.assign(Some(desk.anna), "Scrub").await;
    desk.assign(None, "Mop").await;
    let updates = [desk.next(&mut anna).await, desk.next(&mut anna).await, desk.next(&mut anna).await];
    assert_eq!(updates, [desk.left(), desk.seen("UPDATED", "Scrub"), desk.left()]);
    // Who made a task sees it whoever does it, so it leaves them only where they ask for an assignee.
    let mine = "mutation ($me: ID!) { createTask(input: { title: \"Mine\", assigneeId: $me }) { task { id } } }";
    let task = desk.api.data(desk.anna, mine, json!({ "me": id(desk.anna) })).await["createTask"]["task"]["id"].clone();
    let desk = Desk { task, ..desk };
    assert_eq!(desk.next(&mut anna).await, desk.seen("CREATED", "Mine"));
    let mut assigned = desk.watch(desk.anna, json!({ "assignee": id(desk.anna) })).await;
    desk.assign(Some(desk.ben), "Given").await;
    assert_eq!(desk.next(&mut anna).await, desk.seen("UPDATED", "Given"));
    assert_eq!(desk.next(&mut assigned).await, desk.left());
}

async fn a_customer_cannot_ask_who_is_assigned(api: TestApi) {
    let desk = Desk::new(api).await;
    let nobody = UserId::generate(Timestamp::from_unix_millis(1)).to_string();
    for assignee in [id(desk.anna), nobody] {
        let mut stream = desk.api.stream(desk.carl, WATCH, json!({ "assignee": assignee }));
        assert_eq!(error_codes(&next(&mut stream).await), ["NOT_FOUND"]);
    }
    let _own = desk.watch(desk.carl, json!({ "assignee": id(desk.carl) })).await;
}

async fn a_deleted_task_is_deleted_for_those_who_see_it_only(api: TestApi) {
    let desk = Desk::new(api).await;
    let mut anna = desk.watch(desk.anna, json!({})).await;
    let mut ben = desk.watch(desk.ben, json!({})).await;
    desk.assign(Some(desk.ben), "Wipe").await;
    assert_eq!(desk.next(&mut anna).await, desk.left());
    assert_eq!(desk.next(&mut ben).await, desk.seen("UPDATED", "Wipe"));
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { userErrors { message } } }";
    desk.api.data(desk.staff, delete, json!({ "id": desk.task })).await;
    assert_eq!(desk.next(&mut ben).await, desk.seen("DELETED", "Wipe"));
    assert!(poll!(anna.next()).is_pending());
}
