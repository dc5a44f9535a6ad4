//! Entities with default values. The same arguments give the same ids.

use orderwire::{
    domain::*,
    storage::{Placed, Result, Session, Store},
};

/// Default time of everything that a test does.
pub const NOW: Timestamp = Timestamp::from_unix_millis(1_764_000_000_123);

/// `seconds` after [`NOW`], or before it when negative.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(NOW.unix_millis() + seconds * 1000)
}

/// A change by the system, now.
pub fn stamp() -> Stamp {
    Stamp::system(NOW)
}

/// A change by `actor`, `seconds` from now.
pub fn stamp_by(actor: UserId, seconds: i64) -> Stamp {
    Stamp { actor: Some(actor), permission: Permission::System, at: at(seconds) }
}

/// A change by Orderwire itself, `seconds` after [`NOW`].
pub fn by_system(seconds: i64) -> Stamp {
    Stamp::system(at(seconds))
}

/// Id of the customer who places the orders.
pub fn buyer() -> UserId {
    user("buyer").id
}

/// A customer with the e-mail address `NAME@example.com`.
pub fn user(name: &str) -> User {
    User {
        metadata: Metadata::default(),
        id: UserId::derived(NOW, "test", name),
        email: Some(format!("{}@example.com", name.to_lowercase())),
        name: name.to_owned(),
        role: UserRole::Customer,
        region: None,
        deleted_at: None,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// An active product at £2.50 with 10 units on hand.
pub fn product(sku: &str) -> Product {
    let new = NewProduct {
        description: Some(format!("What {sku} is like")),
        stock: 10,
        tags: vec!["gift".to_owned()],
        ..NewProduct::new(sku, format!("Product {sku}"), Decimal::from_units(25_000), CurrencyCode::GBP)
    };
    new.create(ProductId::derived(NOW, "test", sku), NOW)
}

/// A task of medium priority in status `Todo`, created by the buyer.
pub fn task(title: &str) -> Task {
    Task::new(TaskId::derived(NOW, "test", title), title, buyer(), NOW)
}

/// An order of the buyer, not placed yet.
pub fn new_order(number: &str, lines: &[(&Product, i32)]) -> NewOrder {
    NewOrder {
        id: OrderId::derived(NOW, "test", number),
        number: number.to_owned(),
        region: "United Kingdom".to_owned(),
        customer: buyer(),
        lines: lines
            .iter()
            .enumerate()
            .map(|(input_index, (product, quantity))| OrderLine {
                product: product.id,
                quantity: *quantity,
                input_index,
            })
            .collect(),
        payment_reference: None,
    }
}

/// A delivered order with these lines, as an import reads it from a file. Lines may name a product twice.
pub fn past_order(number: &str, lines: &[(&Product, i32)]) -> Order {
    let NewOrder { id, number, region, customer, .. } = new_order(number, &[]);
    let items: Vec<OrderItem> =
        lines.iter().map(|(product, quantity)| OrderItem::freeze(product, *quantity).unwrap()).collect();
    Order {
        metadata: Metadata::default(),
        id,
        number,
        region,
        customer,
        total: items.iter().fold(Decimal::ZERO, |sum, item| sum.checked_add(item.line_total).unwrap()),
        items,
        currency: CurrencyCode::GBP,
        status: OrderStatus::Delivered,
        history: vec![HistoryEntry {
            event: None,
            from: None,
            to: OrderStatus::Delivered,
            actor: None,
            reason: None,
            at: NOW,
        }],
        payment_reference: None,
        version: 1,
        placed_at: NOW,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// An idempotency key of the buyer. The fingerprint of its input is the same text.
pub fn key(text: &str) -> Idempotency {
    let mut fingerprint = [0; 32];
    for (place, byte) in fingerprint.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    Idempotency { user: buyer(), scope: "placeOrder", key: text.to_owned(), fingerprint }
}

/// Places an order; its number is also the idempotency key.
pub async fn place(store: &dyn Store, number: &str, lines: &[(&Product, i32)]) -> Result<Placed> {
    store.place_order(new_order(number, lines), key(number), stamp_by(buyer(), 0)).await
}

/// Changes the status of an order without checking its version.
pub fn step(order: OrderId, to: OrderStatus) -> StatusChange {
    StatusChange { order, to, reason: None, expected_version: None }
}

/// Adjusts a product's stock without an idempotency key.
pub fn adjustment(product: &Product, delta: i32) -> StockAdjustment {
    StockAdjustment { product: product.id, delta, idempotency: None }
}

/// A session of the user for an hour; the hash of its refresh token is the byte `token` repeated.
pub fn session(user: &User, token: u8) -> Session {
    Session {
        id: SessionId::derived(NOW, "test", &format!("{} {token}", user.id)),
        user: user.id,
        family: [token; 32],
        token: [token; 32],
        created_at: NOW,
        expires_at: at(3600),
    }
}

/// A token of the session, which is replaced by the token `next`. Token 1 of [`session`] is its first one.
pub fn presented(session: &Session, token: u8, next: u8) -> PresentedToken {
    PresentedToken { family: session.family, token: [token; 32], next: [next; 32], salt: [next; 16] }
}

/// Reads the user of a session.
pub async fn session_user(store: &dyn Store, id: SessionId, now: Timestamp) -> Option<User> {
    store.session_users(&[id], now).await.unwrap().remove(0).map(|session| session.user)
}

/// Inserts products one by one.
pub async fn insert_products(store: &dyn Store, products: &[&Product]) {
    for product in products {
        store.insert_product((*product).clone(), stamp()).await.unwrap();
    }
}

/// Reads a product that must exist.
pub async fn reread(store: &dyn Store, product: &Product) -> Product {
    store.products_by_ids(&[product.id]).await.unwrap().remove(0).unwrap()
}

/// Reads an order that must exist.
pub async fn reread_order(store: &dyn Store, id: OrderId) -> Order {
    store.orders_by_ids(&[id]).await.unwrap().remove(0).unwrap()
}

/// Reads the whole event log.
pub async fn whole_log(store: &dyn Store) -> Vec<Event> {
    store.catch_up_log().await.unwrap();
    let mut log = Vec::new();
    loop {
        let after = log.last().map_or(0, |event: &Event| event.seq);
        let page = store.read_log(after, LogFilter::ALL, 100_000).await.unwrap();
        log.extend(page.events);
        if !page.has_more {
            return log;
        }
    }
}
