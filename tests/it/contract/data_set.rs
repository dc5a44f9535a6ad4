//! Entities from a fixed seed, with many equal values in every sort field.

use orderwire::{domain::*, storage::Store};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::support::data::{NOW, at, past_order, product, task, user};

/// Words for names; some differ in case or accents only.
const WORDS: [&str; 12] =
    ["Lantern", "lantern", "Café", "cafe", "T-LIGHT", "holder", "Ärmel", "zebra", "Red", "red's", "10cm", "β"];

/// The entities of a list test, as they are stored.
pub struct DataSet {
    pub users: Vec<User>,
    pub products: Vec<Product>,
    pub orders: Vec<Order>,
    pub tasks: Vec<Task>,
}

impl DataSet {
    /// Makes the entities and loads them.
    pub async fn load(store: &dyn Store) -> Self {
        let mut source = Source(StdRng::seed_from_u64(20_261_121));
        let users: Vec<User> = (0..40).map(|number| source.user(number)).collect();
        let products: Vec<Product> = (0..60).map(|number| source.product(number)).collect();
        let orders: Vec<Order> = (0..90).map(|number| source.order(number, &users, &products)).collect();
        let tasks: Vec<Task> = (0..70).map(|number| source.task(number, &users, &orders)).collect();
        assert_eq!(store.import_users(&users).await.unwrap(), 40);
        assert_eq!(store.import_products(&products).await.unwrap(), 60);
        assert_eq!(store.import_orders(&orders).await.unwrap(), 90);
        assert_eq!(store.import_tasks(&tasks).await.unwrap(), 70);
        Self { users, products, orders, tasks }
    }
}

struct Source(StdRng);

impl Source {
    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        of.choose(&mut self.0).unwrap()
    }

    fn words(&mut self, at_most: usize) -> String {
        let count = self.0.random_range(1..=at_most);
        (0..count).map(|_| *self.one(&WORDS)).collect::<Vec<_>>().join(" ")
    }

    fn text(&mut self) -> Option<String> {
        self.0.random_bool(0.6).then(|| format!("<b>{}</b>", self.words(5)))
    }

    /// One of a few times, some of them before 1970.
    fn time(&mut self) -> Timestamp {
        let hours = self.0.random_range(0..6);
        if self.0.random_bool(0.2) { Timestamp::from_unix_millis(-hours * 3_600_000 - 1) } else { at(hours * 3600) }
    }

    fn user(&mut self, number: usize) -> User {
        User {
            name: self.words(2),
            role: *self.one(&UserRole::ALL),
            region: self.0.random_bool(0.5).then(|| "France".to_owned()),
            created_at: self.time(),
            ..user(&format!("user-{number}"))
        }
    }

    fn product(&mut self, number: usize) -> Product {
        let tags = ["gift", "Gift", "red", "a.b", "$where", ""];
        Product {
            name: self.words(3),
            description: self.text(),
            price: Decimal::from_units(*self.one(&[0, 10, 8_500, 25_000, 25_001])),
            stock: *self.one(&[0, 0, 1, 5, 1000]),
            status: *self.one(&[ProductStatus::Active, ProductStatus::Active, ProductStatus::Archived]),
            tags: tags.choose_multiple(&mut self.0, number % 4).map(|tag| (*tag).to_owned()).collect(),
            created_at: self.time(),
            ..product(&format!("SKU{number}"))
        }
    }

    fn order(&mut self, number: usize, users: &[User], products: &[Product]) -> Order {
        let bought: Vec<&Product> = products[..10].choose_multiple(&mut self.0, number % 4 + 1).collect();
        let lines: Vec<(&Product, i32)> =
            bought.into_iter().map(|product| (product, self.0.random_range(1..=3))).collect();
        let time = self.time();
        Order {
            customer: self.one(&users[..6]).id,
            status: *self.one(&OrderStatus::ALL),
            region: (*self.one(&["United Kingdom", "united kingdom", "France", ""])).to_owned(),
            placed_at: time,
            payment_reference: self.0.random_bool(0.3).then(|| "pay_1".to_owned()),
            ..past_order(&format!("{}", 536_000 + number), &lines)
        }
    }

    fn task(&mut self, number: usize, users: &[User], orders: &[Order]) -> Task {
        Task {
            title: self.words(3),
            description: self.text(),
            status: *self.one(&TaskStatus::ALL),
            priority: *self.one(&TaskPriority::ALL),
            created_by: self.one(&users[..4]).id,
            assignee: self.0.random_bool(0.6).then(|| self.one(&users[..4]).id),
            order: self.0.random_bool(0.5).then(|| self.one(&orders[..5]).id),
            due_at: self.0.random_bool(0.7).then(|| self.time()),
            created_at: self.time(),
            updated_at: NOW,
            ..task(&format!("task {number}"))
        }
    }
}
