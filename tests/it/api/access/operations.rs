//! Each operation, and who gets what from it.

use orderwire::domain::Scope;

/// What an anonymous viewer, a stranger, the owner, staff and an admin get.
pub(in crate::api) type Expected = [&'static str; 5];

const ANYONE: Expected = ["ok"; 5];
const SIGNED_IN: Expected = ["UNAUTHENTICATED", "ok", "ok", "ok", "ok"];
const STAFF: Expected = ["UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN", "ok", "ok"];
const ADMIN: Expected = ["UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "ok"];
const OWN_OR_STAFF: Expected = ["UNAUTHENTICATED", "null", "ok", "ok", "ok"];

/// What an API key gets: the scopes that decide, what keys with them get and what keys without them get. Without such scopes all
/// keys get the same.
pub(in crate::api) type ByKey = (Needed, &'static str, &'static str);

/// Which scopes decide. The keys of the test have one, or all.
pub(in crate::api) enum Needed {
    None,
    One(Scope),
    Several,
}

const fn by(scope: Scope, with: &'static str, without: &'static str) -> ByKey {
    (Needed::One(scope), with, without)
}

const fn by_several(with: &'static str, without: &'static str) -> ByKey {
    (Needed::Several, with, without)
}

const fn all_keys(outcome: &'static str) -> ByKey {
    (Needed::None, outcome, outcome)
}

/// Each root field, a call of it and the expected results.
pub(in crate::api) const OPERATIONS: &[(&str, &str, Expected, ByKey)] = &[
    ("Query.node", "node(id: $order) { id }", OWN_OR_STAFF, by(Scope::ReadOrders, "ok", "null")),
    ("Query.node", "node(id: $task) { id }", OWN_OR_STAFF, by(Scope::ReadTasks, "ok", "null")),
    ("Query.node", "node(id: $user) { id }", OWN_OR_STAFF, by(Scope::ReadUsers, "ok", "null")),
    ("Query.node", "node(id: $product) { id }", ANYONE, all_keys("ok")),
    (
        "Query.node",
        "node(id: $archived) { id }",
        ["null", "null", "null", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "null"),
    ),
    (
        "Query.nodes",
        "nodes(ids: [$order]) { id }",
        ["UNAUTHENTICATED", "[null]", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "[null]"),
    ),
    ("Query.me", "me { id }", ["null", "ok", "ok", "ok", "ok"], all_keys("null")),
    ("Query.product", "product(id: $product) { id }", ANYONE, all_keys("ok")),
    (
        "Query.product",
        "product(id: $archived) { id }",
        ["null", "null", "null", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "null"),
    ),
    (
        "Query.productBySku",
        "productBySku(sku: $archivedSku) { id }",
        ["null", "null", "null", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "null"),
    ),
    ("Query.products", "products { nodes { id } }", ANYONE, all_keys("ok")),
    (
        "Query.products",
        "products(filter: { status: ARCHIVED }) { nodes { id } }",
        ["empty", "empty", "empty", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "empty"),
    ),
    (
        "Query.products",
        "products(filter: { ids: [$archived] }) { nodes { id } }",
        ["empty", "empty", "empty", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "empty"),
    ),
    ("Query.trendingProducts", "trendingProducts { id }", ANYONE, all_keys("ok")),
    ("Query.user", "user(id: $user) { id }", OWN_OR_STAFF, by(Scope::ReadUsers, "ok", "null")),
    ("Query.users", "users { nodes { id } }", STAFF, by(Scope::ReadUsers, "ok", "FORBIDDEN")),
    ("Query.users", "users { totalCount }", STAFF, by(Scope::ReadUsers, "ok", "FORBIDDEN")),
    ("Query.order", "order(id: $order) { id }", OWN_OR_STAFF, by(Scope::ReadOrders, "ok", "null")),
    ("Query.orderByNumber", "orderByNumber(number: $number) { id }", OWN_OR_STAFF, by(Scope::ReadOrders, "ok", "null")),
    (
        "Query.orders",
        "orders { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Query.orders",
        "orders(filter: { customerId: $user }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Query.orders",
        "orders(filter: { productId: $product }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    ("Query.eventCursor", "eventCursor", SIGNED_IN, all_keys("ok")),
    ("Query.task", "task(id: $task) { id }", OWN_OR_STAFF, by(Scope::ReadTasks, "ok", "null")),
    (
        "Query.tasks",
        "tasks { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    ("Query.events", "events { nodes { id } }", STAFF, by(Scope::ReadEvents, "ok", "FORBIDDEN")),
    (
        "Query.events",
        "events(filter: { entityId: $order }) { nodes { id } }",
        STAFF,
        by(Scope::ReadEvents, "ok", "FORBIDDEN"),
    ),
    ("Query.event", "event(id: $event) { id }", STAFF, by(Scope::ReadEvents, "ok", "FORBIDDEN")),
    (
        "Query.node",
        "node(id: $event) { id }",
        ["UNAUTHENTICATED", "null", "null", "ok", "ok"],
        by(Scope::ReadEvents, "ok", "null"),
    ),
    ("Query.webhook", "webhook(id: $webhook) { id }", STAFF, by(Scope::ManageWebhooks, "ok", "FORBIDDEN")),
    ("Query.webhooks", "webhooks { nodes { id } }", STAFF, by(Scope::ManageWebhooks, "ok", "FORBIDDEN")),
    (
        "Query.webhooks",
        "webhooks { nodes { deliveries { nodes { id } } } }",
        STAFF,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Query.node",
        "node(id: $webhook) { id }",
        ["UNAUTHENTICATED", "null", "null", "ok", "ok"],
        by(Scope::ManageWebhooks, "ok", "null"),
    ),
    (
        "Query.tasks",
        "tasks(filter: { createdById: $user }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Query.tasks",
        "tasks(filter: { orderId: $order }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    ("Query.node", "node(id: $key) { id }", ["UNAUTHENTICATED", "null", "null", "null", "ok"], all_keys("null")),
    ("Query.apiKeys", "apiKeys { nodes { id } }", ADMIN, all_keys("FORBIDDEN")),
    ("Query.apiKeys", "apiKeys { totalCount }", ADMIN, all_keys("FORBIDDEN")),
    (
        "Mutation.register",
        "register(input: { email: $fresh, password: $password, name: \"New\" }) { session { accessToken } userErrors { code } }",
        ANYONE,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.login",
        "login(input: { email: \"owner@example.com\", password: $password }) { session { accessToken } userErrors { code } }",
        ANYONE,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.refreshSession",
        "refreshSession(input: { refreshToken: $fresh }) { userErrors { code } }",
        ["BAD_CREDENTIALS"; 5],
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.createStreamTicket",
        "createStreamTicket(input: { query: \"subscription { taskUpdates { kind } }\" }) { ticket { value } userErrors { code } }",
        SIGNED_IN,
        all_keys("FORBIDDEN"),
    ),
    ("Mutation.logout", "logout { userErrors { code } }", SIGNED_IN, all_keys("FORBIDDEN")),
    ("Mutation.logoutEverywhere", "logoutEverywhere { userErrors { code } }", SIGNED_IN, all_keys("FORBIDDEN")),
    (
        "Mutation.updateProfile",
        "updateProfile(input: { region: \"France\" }) { user { id } userErrors { code } }",
        SIGNED_IN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.changePassword",
        "changePassword(input: { currentPassword: $password, newPassword: $password }) { user { id } userErrors { code } }",
        SIGNED_IN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.updateUserRole",
        "updateUserRole(input: { userId: $user, role: CUSTOMER }) { user { id } userErrors { code } }",
        ADMIN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.deleteUser",
        "deleteUser(input: { userId: $bystander }) { user { id } userErrors { code } }",
        ADMIN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.createApiKey",
        "createApiKey(input: { name: \"K\", scopes: [READ_ORDERS] }) { apiKey { id } userErrors { code } }",
        ADMIN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.revokeApiKey",
        "revokeApiKey(input: { id: $key }) { apiKey { id } userErrors { code } }",
        ADMIN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.createProduct",
        "createProduct(input: { sku: $fresh, name: \"New\", price: \"1\" }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateProduct",
        "updateProduct(input: { id: $product, price: \"2\" }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.adjustStock",
        "adjustStock(input: { productId: $product, delta: 1 }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.archiveProduct",
        "archiveProduct(input: { id: $archived }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.placeOrder",
        "placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: $fresh }) { order { id } userErrors { code } }",
        SIGNED_IN,
        by(Scope::WriteOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.placeOrder",
        "placeOrder(input: { items: [{ productId: $archived, quantity: 1 }], idempotencyKey: $fresh }) { order { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"],
        by(Scope::WriteOrders, "NOT_FOUND", "FORBIDDEN"),
    ),
    (
        "Mutation.updateOrderStatus",
        "updateOrderStatus(input: { orderId: $order, status: CONFIRMED }) { order { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.cancelOrder",
        "cancelOrder(input: { orderId: $order }) { order { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.createTask",
        "createTask(input: { title: \"New\" }) { task { id } userErrors { code } }",
        SIGNED_IN,
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.createTask",
        "createTask(input: { title: \"New\", orderId: $order }) { task { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.createTask",
        "createTask(input: { title: \"New\", assigneeId: $bystander }) { task { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "NOT_FOUND", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateTask",
        "updateTask(input: { id: $task, title: \"Other\" }) { task { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.deleteTask",
        "deleteTask(input: { id: $task }) { deletedTaskId userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.deleteTask",
        "deleteTask(input: { id: $assigned }) { deletedTaskId userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "FORBIDDEN", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateMetadata",
        "updateMetadata(input: { id: $product, set: [{ key: \"k\", value: \"v\" }] }) { node { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateMetadata",
        "updateMetadata(input: { id: $order, set: [{ key: \"k\", value: \"v\" }] }) { node { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateMetadata",
        "updateMetadata(input: { id: $task, set: [{ key: \"k\", value: \"v\" }] }) { node { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateMetadata",
        "updateMetadata(input: { id: $user, set: [{ key: \"k\", value: \"v\" }] }) { node { id } userErrors { code } }",
        ADMIN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.updateMetadata",
        "updateMetadata(input: { id: $key, set: [{ key: \"k\", value: \"v\" }] }) { node { id } userErrors { code } }",
        ["UNAUTHENTICATED", "INVALID_INPUT", "INVALID_INPUT", "INVALID_INPUT", "INVALID_INPUT"],
        all_keys("INVALID_INPUT"),
    ),
    (
        "Subscription.orderUpdates",
        "orderUpdates { kind }",
        ["UNAUTHENTICATED", "waits", "waits", "waits", "waits"],
        by(Scope::ReadOrders, "waits", "FORBIDDEN"),
    ),
    ("Query.jobs", "jobs { pageInfo { hasNextPage } }", ADMIN, all_keys("FORBIDDEN")),
    ("Query.node", "node(id: $job) { id }", ["null", "null", "null", "null", "ok"], all_keys("null")),
    (
        "Mutation.retryJob",
        "retryJob(input: { id: $job }) { job { id } userErrors { code } }",
        ADMIN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.discardJob",
        "discardJob(input: { id: $job }) { job { id } userErrors { code } }",
        ADMIN,
        all_keys("FORBIDDEN"),
    ),
    (
        "Mutation.createWebhook",
        "createWebhook(input: { url: \"http://127.0.0.1:9999/\", kinds: [ORDER_PLACED] }) { webhook { id } userErrors { code } }",
        ADMIN,
        by_several("ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateWebhook",
        "updateWebhook(input: { id: $webhook, paused: true }) { webhook { id } userErrors { code } }",
        ADMIN,
        by_several("ok", "FORBIDDEN"),
    ),
    (
        "Mutation.rotateWebhookSecret",
        "rotateWebhookSecret(input: { id: $webhook }) { webhook { id } userErrors { code } }",
        ADMIN,
        by_several("ok", "FORBIDDEN"),
    ),
    (
        "Mutation.replayWebhook",
        "replayWebhook(input: { id: $webhook, after: $cursor }) { webhook { id } userErrors { code } }",
        ADMIN,
        by_several("ok", "FORBIDDEN"),
    ),
    (
        "Mutation.testWebhook",
        "testWebhook(input: { id: $webhook }) { delivery { id } userErrors { code } }",
        ADMIN,
        by_several("ok", "FORBIDDEN"),
    ),
    (
        "Mutation.deleteWebhook",
        "deleteWebhook(input: { id: $webhook }) { deletedWebhookId userErrors { code } }",
        ADMIN,
        by_several("ok", "FORBIDDEN"),
    ),
    (
        "Subscription.orderUpdates",
        "orderUpdates(orderId: $order) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Subscription.orderUpdates",
        "orderUpdates(customerId: $user) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "waits", "waits", "waits"],
        by(Scope::ReadOrders, "waits", "FORBIDDEN"),
    ),
    (
        "Subscription.taskUpdates",
        "taskUpdates { kind }",
        ["UNAUTHENTICATED", "waits", "waits", "waits", "waits"],
        by(Scope::ReadTasks, "waits", "FORBIDDEN"),
    ),
    (
        "Subscription.taskUpdates",
        "taskUpdates(taskId: $task) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Subscription.taskUpdates",
        "taskUpdates(assigneeId: $user) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "waits", "waits", "waits"],
        by(Scope::ReadTasks, "waits", "FORBIDDEN"),
    ),
    ("Subscription.stockUpdates", "stockUpdates(productIds: [$product]) { id }", ANYONE, all_keys("ok")),
    (
        "Subscription.stockUpdates",
        "stockUpdates(productIds: [$archived]) { id }",
        ["NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "NOT_FOUND"),
    ),
];
