//! Life in the shop: customers order, staff move orders on, stock is topped up, tasks come and go. Everything goes
//! through the service with the rights of whoever does it, as if it came over the API.

use std::{sync::Arc, time::Duration};

use rand::{Rng, seq::IndexedRandom};

use super::people::{self, Account};
use crate::{
    domain::{
        Direction, ListQuery, Order, OrderFields, OrderFilter, OrderSort, OrderStatus, ProductFields, ProductFilter,
        ProductId, ProductSort, ProductStatus, Slice, Sort, TaskFields, TaskFilter, TaskPriority, TaskSort, TaskStatus,
        User, UserFilter, UserRole, UserSort, Viewer,
    },
    service::{
        AdjustStock, CancelOrder, CreateTask, OrderInputLine, PlaceOrder, Result, Service, UpdateOrderStatus,
        UpdateTask,
    },
};

/// Products and customers that take part.
const MAX_PARTICIPANTS: u32 = 500;
/// Open orders past which only old ones are moved on.
const MAX_OPEN: u32 = 40;
/// Stock below which a product is topped up, and by how much.
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

/// What happens by itself.
pub(super) struct Simulation {
    service: Arc<Service>,
    customer: Option<User>,
    staff: Viewer,
}

impl Simulation {
    /// Life in the shop with these people in it.
    pub fn new(service: Arc<Service>, accounts: &[Account]) -> Self {
        Self {
            service,
            customer: people::with_label(accounts, people::CUSTOMER).map(|account| account.user.clone()),
            staff: people::with_label(accounts, people::STAFF).map_or(Viewer::System, Account::viewer),
        }
    }

    /// Goes on for ever: something happens about `every` so often.
    pub async fn run(self, every: Duration) {
        let (customers, products) = match (self.customers().await, self.products().await) {
            (Ok(customers), Ok(products)) if !customers.is_empty() && !products.is_empty() => (customers, products),
            _ => return tracing::warn!("there is nobody to buy or nothing to sell: no orders come in"),
        };
        for step in 0_u64.. {
            if let Err(error) = self.act(step, &customers, &products).await {
                // A product may have been archived or an order moved on by somebody else meanwhile.
                tracing::debug!(%error, "nothing came of it");
            }
            let pause = every.mul_f64(rand::rng().random_range(0.7..1.3));
            tokio::time::sleep(pause).await;
        }
    }

    /// The first thing that happens is an order.
    async fn act(&self, step: u64, customers: &[User], products: &[ProductId]) -> Result<()> {
        let open = self.open_orders().await?;
        let dice = rand::rng().random_range(0..100);
        match dice {
            _ if open.len() as u32 >= MAX_OPEN => self.advance_order(&open).await,
            _ if step == 0 => self.place_order(customers, products).await,
            0..45 => self.place_order(customers, products).await,
            45..90 => self.advance_order(&open).await,
            90..95 => self.new_task(&open).await,
            _ => self.advance_task().await,
        }
    }

    async fn customers(&self) -> Result<Vec<User>> {
        let filter = UserFilter { role: Some(UserRole::Customer), ..UserFilter::default() };
        let query = list(filter, UserSort::CreatedAt, (), MAX_PARTICIPANTS);
        Ok(nodes(self.service.list_users(&Viewer::System, &[query]).await?))
    }

    async fn products(&self) -> Result<Vec<ProductId>> {
        let filter = ProductFilter { status: Some(ProductStatus::Active), ..ProductFilter::default() };
        let query = list(filter, ProductSort::CreatedAt, ProductFields { description: false }, MAX_PARTICIPANTS);
        let products = nodes(self.service.list_products(&Viewer::System, &[query]).await?);
        Ok(products.into_iter().map(|product| product.id).collect())
    }

    /// The oldest orders that are not done.
    async fn open_orders(&self) -> Result<Vec<Order>> {
        let open = [OrderStatus::Pending, OrderStatus::Confirmed, OrderStatus::Shipped];
        let filter = OrderFilter { statuses: Some(open.to_vec()), ..OrderFilter::default() };
        let fields = OrderFields { items: false, history: false };
        Ok(nodes(self.service.list_orders(&self.staff, &[list(filter, OrderSort::PlacedAt, fields, MAX_OPEN)]).await?))
    }

    async fn place_order(&self, customers: &[User], products: &[ProductId]) -> Result<()> {
        let (buyer, items) = {
            let mut random = rand::rng();
            // Whoever is signed in as the customer of the demo sees orders of their own coming in.
            let own = self.customer.as_ref().filter(|_| random.random_ratio(1, 4));
            let Some(buyer) = own.or_else(|| customers.choose(&mut random)) else { return Ok(()) };
            let count = random.random_range(1..=5);
            let chosen: Vec<ProductId> = products.choose_multiple(&mut random, count).copied().collect();
            let items: Vec<OrderInputLine> = chosen
                .into_iter()
                .map(|product| OrderInputLine { product, quantity: random.random_range(1..=12) })
                .collect();
            (people::viewer(buyer), items)
        };
        self.top_up(&items).await?;
        let key = format!("demo-{:032x}", rand::random::<u128>());
        let input = PlaceOrder { items, region: None, payment_reference: None, idempotency_key: key };
        self.service.place_order(&buyer, input).await?;
        Ok(())
    }

    /// Orders more of what is running out.
    async fn top_up(&self, items: &[OrderInputLine]) -> Result<()> {
        let ids: Vec<ProductId> = items.iter().map(|item| item.product).collect();
        for product in self.service.products(&self.staff, &ids).await?.into_iter().flatten() {
            if product.stock < LOW_STOCK {
                let input = AdjustStock {
                    product: product.id,
                    delta: TOP_UP,
                    reason: Some("delivery from the supplier".to_owned()),
                    idempotency_key: None,
                };
                self.service.adjust_stock(&self.staff, input).await?;
            }
        }
        Ok(())
    }

    /// Takes an open order a step further, or now and then cancels it.
    async fn advance_order(&self, open: &[Order]) -> Result<()> {
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
                self.service.cancel_order(&self.staff, input).await?;
            }
            _ => {
                // The first one is the usual course of things.
                let Some(status) = allowed.first().copied() else { return Ok(()) };
                let input = UpdateOrderStatus { order: order.id, status, reason: None, expected_version };
                self.service.update_order_status(&self.staff, input).await?;
            }
        }
        Ok(())
    }

    async fn new_task(&self, open: &[Order]) -> Result<()> {
        let input = {
            let mut random = rand::rng();
            let priorities = [TaskPriority::Low, TaskPriority::Medium, TaskPriority::High, TaskPriority::Urgent];
            CreateTask {
                title: TASKS.choose(&mut random).copied().unwrap_or_default().to_owned(),
                description: None,
                priority: priorities.choose(&mut random).copied().unwrap_or(TaskPriority::Medium),
                assignee: self.staff.user_id(),
                order: open.choose(&mut random).map(|order| order.id),
                due_at: None,
            }
        };
        self.service.create_task(&self.staff, input).await?;
        Ok(())
    }

    /// Begins or ends the newest task of the demo's staff.
    async fn advance_task(&self) -> Result<()> {
        let filter = TaskFilter {
            statuses: Some(vec![TaskStatus::Todo, TaskStatus::InProgress]),
            assignee: self.staff.user_id(),
            ..TaskFilter::default()
        };
        let mut query = list(filter, TaskSort::CreatedAt, TaskFields { description: false }, 1);
        query.sort.direction = Direction::Desc;
        let Some(task) = nodes(self.service.list_tasks(&self.staff, &[query]).await?).pop() else { return Ok(()) };
        let status = if task.status == TaskStatus::Todo { TaskStatus::InProgress } else { TaskStatus::Done };
        let input = UpdateTask {
            id: task.id,
            title: None,
            description: None,
            status: Some(status),
            priority: None,
            assignee: None,
            due_at: None,
            expected_version: Some(task.version),
        };
        self.service.update_task(&self.staff, input).await?;
        Ok(())
    }
}

/// The first rows, oldest first.
fn list<F, S, P>(filter: F, field: S, fields: P, count: u32) -> ListQuery<F, S, P> {
    let sort = Sort { field, direction: Direction::Asc };
    ListQuery { filter, sort, slice: Slice::first(count), fields }
}

fn nodes<T>(pages: Vec<crate::domain::Page<T>>) -> Vec<T> {
    pages.into_iter().flat_map(|page| page.edges).map(|edge| edge.node).collect()
}
