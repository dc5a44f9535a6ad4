//! Simulated activity: customers place orders, staff advance orders, restock products and work on tasks. Every step
//! calls the service with the rights of the user who would take it, as a request to the API does.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rand::{Rng, seq::IndexedRandom};

use super::people::{self, Account};
use crate::{
    domain::{
        Direction, ListQuery, Order, OrderFields, OrderFilter, OrderSort, OrderStatus, ProductFields, ProductFilter,
        ProductId, ProductSort, ProductStatus, Slice, Sort, TaskFields, TaskFilter, TaskPriority, TaskSort, TaskStatus,
        UserFilter, UserId, UserRole, UserSort, Viewer,
    },
    service::{
        AdjustStock, CancelOrder, CreateTask, OrderInputLine, PlaceOrder, Result, Service, UpdateOrderStatus,
        UpdateTask,
    },
};

/// How many products and how many customers take part at most.
const MAX_PARTICIPANTS: u32 = 500;
/// With this many open orders, no new ones are placed.
const MAX_OPEN: u32 = 40;
/// Stock below which a product is restocked, and by how much.
const LOW_STOCK: i32 = 20;
const TOP_UP: i32 = 500;

const CANCEL_REASONS: [&str; 3] = ["changed their mind", "found it elsewhere", "ordered twice by mistake"];
const TASKS: [&str; 5] = [
    "Call the customer back",
    "Check the address",
    "Pack as a gift",
    "Ask the carrier for a pickup",
    "Inspect the packaging",
];

/// Places and advances orders and works on tasks at intervals.
pub(super) struct Simulation {
    service: Arc<Service>,
    customer: Option<UserId>,
    staff: Option<UserId>,
    /// The viewers of those who have taken part, each in a session of their own.
    viewers: HashMap<UserId, Viewer>,
}

impl Simulation {
    /// A simulation in which these accounts take part.
    pub fn new(service: Arc<Service>, accounts: &[Account]) -> Self {
        Self {
            service,
            customer: people::with_label(accounts, people::CUSTOMER).map(|account| account.user.id),
            staff: people::with_label(accounts, people::STAFF).map(|account| account.user.id),
            viewers: HashMap::new(),
        }
    }

    /// Runs forever; one step happens about once per `every`.
    pub async fn run(mut self, every: Duration) {
        let (customers, products) = match (self.customers().await, self.products().await) {
            (Ok(customers), Ok(products)) if !customers.is_empty() && !products.is_empty() => (customers, products),
            _ => return tracing::warn!("the database has no customers or no products: the demo places no orders"),
        };
        for step in 0_u64.. {
            if let Err(error) = self.act(step, &customers, &products).await {
                // A person may have archived the product or advanced the order meanwhile, or ended a session.
                tracing::debug!(%error, "a step of the simulation failed");
                self.viewers.clear();
            }
            let pause = every.mul_f64(rand::rng().random_range(0.7..1.3));
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes one step. The first step places an order, unless too many are open.
    async fn act(&mut self, step: u64, customers: &[UserId], products: &[ProductId]) -> Result<()> {
        let staff = match self.staff {
            Some(staff) => self.viewer(staff).await?,
            None => Viewer::System,
        };
        let open = self.open_orders(&staff).await?;
        let dice = rand::rng().random_range(0..100);
        match dice {
            _ if open.len() as u32 >= MAX_OPEN => self.advance_order(&staff, &open).await,
            _ if step == 0 => self.place_order(&staff, customers, products).await,
            0..45 => self.place_order(&staff, customers, products).await,
            45..90 => self.advance_order(&staff, &open).await,
            90..95 => self.new_task(&staff, &open).await,
            _ => self.advance_task(&staff).await,
        }
    }

    /// The viewer in the session of a user, which is opened first if there is none.
    async fn viewer(&mut self, user: UserId) -> Result<Viewer> {
        if let Some(viewer) = self.viewers.get(&user) {
            return Ok(*viewer);
        }
        let viewer = self.service.open_session(&Viewer::System, user).await?.viewer();
        self.viewers.insert(user, viewer);
        Ok(viewer)
    }

    async fn customers(&self) -> Result<Vec<UserId>> {
        let filter = UserFilter { role: Some(UserRole::Customer), ..UserFilter::default() };
        let query = list(filter, UserSort::CreatedAt, (), MAX_PARTICIPANTS);
        let customers = nodes(self.service.list_users(&Viewer::System, &[query]).await?);
        Ok(customers.into_iter().map(|user| user.id).collect())
    }

    async fn products(&self) -> Result<Vec<ProductId>> {
        let filter = ProductFilter { status: Some(ProductStatus::Active), ..ProductFilter::default() };
        let query = list(filter, ProductSort::CreatedAt, ProductFields { description: false }, MAX_PARTICIPANTS);
        let products = nodes(self.service.list_products(&Viewer::System, &[query]).await?);
        Ok(products.into_iter().map(|product| product.id).collect())
    }

    /// The oldest open orders.
    async fn open_orders(&self, staff: &Viewer) -> Result<Vec<Order>> {
        let open = [OrderStatus::Pending, OrderStatus::Confirmed, OrderStatus::Shipped];
        let filter = OrderFilter { statuses: Some(open.to_vec()), ..OrderFilter::default() };
        let fields = OrderFields { items: false, history: false };
        Ok(nodes(self.service.list_orders(staff, &[list(filter, OrderSort::PlacedAt, fields, MAX_OPEN)]).await?))
    }

    async fn place_order(&mut self, staff: &Viewer, customers: &[UserId], products: &[ProductId]) -> Result<()> {
        let (buyer, items) = {
            let mut random = rand::rng();
            // A quarter of the orders are the demo customer's own, so that the person signed in as them sees updates.
            let own = self.customer.filter(|_| random.random_ratio(1, 4));
            let Some(buyer) = own.or_else(|| customers.choose(&mut random).copied()) else { return Ok(()) };
            let count = random.random_range(1..=5);
            let chosen: Vec<ProductId> = products.choose_multiple(&mut random, count).copied().collect();
            let items: Vec<OrderInputLine> = chosen
                .into_iter()
                .map(|product| OrderInputLine { product, quantity: random.random_range(1..=12) })
                .collect();
            (buyer, items)
        };
        self.top_up(staff, &items).await?;
        let buyer = self.viewer(buyer).await?;
        let key = format!("demo-{:032x}", rand::random::<u128>());
        let input = PlaceOrder { items, region: None, payment_reference: None, idempotency_key: key };
        self.service.place_order(&buyer, input).await?;
        Ok(())
    }

    /// Restocks the products that are running low.
    async fn top_up(&self, staff: &Viewer, items: &[OrderInputLine]) -> Result<()> {
        let ids: Vec<ProductId> = items.iter().map(|item| item.product).collect();
        for product in self.service.products(staff, &ids).await?.into_iter().flatten() {
            if product.stock < LOW_STOCK {
                let input = AdjustStock {
                    product: product.id,
                    delta: TOP_UP,
                    reason: Some("delivery from the supplier".to_owned()),
                    idempotency_key: None,
                };
                self.service.adjust_stock(staff, input).await?;
            }
        }
        Ok(())
    }

    /// Advances an open order by one status, or occasionally cancels it.
    async fn advance_order(&self, staff: &Viewer, open: &[Order]) -> Result<()> {
        let (order, cancel) = {
            let mut random = rand::rng();
            let Some(order) = open.choose(&mut random) else { return Ok(()) };
            (order, random.random_ratio(1, 12).then(|| CANCEL_REASONS.choose(&mut random)).flatten())
        };
        let expected_version = Some(order.version);
        let allowed = order.status.allowed_transitions();
        match cancel {
            Some(reason) if allowed.contains(&OrderStatus::Cancelled) => {
                let reason = Some((*reason).to_owned());
                let input = CancelOrder { order: order.id, reason, expected_version };
                self.service.cancel_order(staff, input).await?;
            }
            _ => {
                // The first allowed status is the usual next one.
                let Some(status) = allowed.first().copied() else { return Ok(()) };
                let input = UpdateOrderStatus { order: order.id, status, reason: None, expected_version };
                self.service.update_order_status(staff, input).await?;
            }
        }
        Ok(())
    }

    async fn new_task(&self, staff: &Viewer, open: &[Order]) -> Result<()> {
        let input = {
            let mut random = rand::rng();
            let priorities = [TaskPriority::Low, TaskPriority::Medium, TaskPriority::High, TaskPriority::Urgent];
            CreateTask {
                title: TASKS.choose(&mut random).copied().unwrap_or_default().to_owned(),
                description: None,
                priority: priorities.choose(&mut random).copied().unwrap_or(TaskPriority::Medium),
                assignee: staff.user_id(),
                order: open.choose(&mut random).map(|order| order.id),
                due_at: None,
            }
        };
        self.service.create_task(staff, input).await?;
        Ok(())
    }

    /// Starts or completes the newest task of the demo's staff account.
    async fn advance_task(&self, staff: &Viewer) -> Result<()> {
        let filter = TaskFilter {
            statuses: Some(vec![TaskStatus::Todo, TaskStatus::InProgress]),
            assignee: staff.user_id(),
            ..TaskFilter::default()
        };
        let mut query = list(filter, TaskSort::CreatedAt, TaskFields { description: false }, 1);
        query.sort.direction = Direction::Desc;
        let Some(task) = nodes(self.service.list_tasks(staff, &[query]).await?).pop() else { return Ok(()) };
        let status = if task.status == TaskStatus::Todo { TaskStatus::InProgress } else { TaskStatus::Done };
        let input = UpdateTask {
            id: task.id,
            title: None,
            description: None,
            status: Some(Some(status)),
            priority: None,
            assignee: None,
            due_at: None,
            expected_version: Some(task.version),
        };
        self.service.update_task(staff, input).await?;
        Ok(())
    }
}

/// Queries the first `count` entries, oldest first.
fn list<F, S, P>(filter: F, field: S, fields: P, count: u32) -> ListQuery<F, S, P> {
    let sort = Sort { field, direction: Direction::Asc };
    ListQuery { filter, sort, slice: Slice::first(count), fields }
}

fn nodes<T>(pages: Vec<crate::domain::Page<T>>) -> Vec<T> {
    pages.into_iter().flat_map(|page| page.edges).map(|edge| edge.node).collect()
}
