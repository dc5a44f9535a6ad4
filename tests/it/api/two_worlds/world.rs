//! The two worlds.

use orderwire::domain::{Order, Product, ProductStatus, Task, TaskPriority, TaskStatus, User, UserRole};

use crate::support::{
    api::TestApi,
    data::{at, past_order, product, task, user},
};

/// What both worlds have, and the ids and words that a viewer could guess.
pub struct World {
    pub users: Vec<User>,
    pub products: Vec<Product>,
    pub orders: Vec<Order>,
    pub tasks: Vec<Task>,
}

fn order(number: &str, customer: &User, lines: &[(&Product, i32)]) -> Order {
    Order { customer: customer.id, ..past_order(number, lines) }
}

/// The world that Anna sees, and beside it what differs between the worlds: the people on her tasks, the orders of
/// others that her tasks are about, the tasks, orders and details of others, and what is not on sale.
pub fn world(second: bool) -> World {
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
    pub async fn build(&self, api: &TestApi) {
        for user in &self.users {
            api.store.insert_user(user, None).await.unwrap();
        }
        api.store.import_products(&self.products).await.unwrap();
        api.store.import_orders(&self.orders).await.unwrap();
        api.store.import_tasks(&self.tasks).await.unwrap();
    }

    pub fn ids(&self) -> impl Iterator<Item = String> {
        let users = self.users.iter().map(|user| user.id.to_string());
        let products = self.products.iter().map(|product| product.id.to_string());
        let orders = self.orders.iter().map(|order| order.id.to_string());
        users.chain(products).chain(orders).chain(self.tasks.iter().map(|task| task.id.to_string()))
    }
}

/// Both worlds, built.
pub async fn build(apis: &[TestApi; 2]) -> [World; 2] {
    let worlds = [world(false), world(true)];
    for (world, api) in worlds.iter().zip(apis) {
        world.build(api).await;
    }
    worlds
}
