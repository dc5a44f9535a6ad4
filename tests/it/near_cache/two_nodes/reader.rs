//! Reads through the cache of a node, each checked as far as the writes are noted.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use orderwire::{
    domain::*,
    fairness::{Caller, run_for},
    storage::{OrderStore, ProductStore, UserStore, one_operation},
};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::Instant;
use ulid::Ulid;

use super::{
    PRODUCTS, Unchecked, World,
    history::{History, Read, Versioned},
};
use crate::near_cache::{by_name, orders_of};

/// One of those who read, on one node, and the versions that they have seen.
pub struct Reader {
    pub world: Arc<World>,
    pub node: usize,
    pub caller: Caller,
    pub random: StdRng,
    pub seen: HashMap<Ulid, i32>,
}

impl Reader {
    pub async fn run(mut self) {
        while !self.world.is_done() {
            let caller = self.caller;
            run_for(caller, one_operation(self.read())).await;
            if self.world.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(1000) {
                self.world.check_again(false);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn read(&mut self) {
        let world = Arc::clone(&self.world);
        let (cache, node, began) = (&world.nodes[self.node], self.node, Instant::now());
        // As with a token: what any node has acknowledged before.
        let sees_all = self.random.random_bool(0.001) && cache.catch_up().await;
        let done = || Read { node, began, ended: Instant::now(), sees_all };
        match self.random.random_range(0..100) {
            0..87 => {
                let id = world.products.choose(&mut self.random).unwrap().id;
                let found = cache.products_by_ids(&[id]).await.unwrap().remove(0).unwrap();
                self.found_product(found, &done());
            }
            87..97 => {
                let id = world.customers.choose(&mut self.random).unwrap().id;
                let (found, read) = (cache.users_by_ids(&[id]).await.unwrap().remove(0).unwrap(), done());
                self.check(&world.user_history, &found, &read);
                match world.user_history.is_right(&found, &read, User::clone) {
                    None => world.unchecked.lock().push(Unchecked::User(found, read)),
                    is_right => assert_eq!(is_right, Some(true), "{found:?}"),
                }
            }
            97..98 => {
                let filter = ProductFilter { status: Some(ProductStatus::Active), ..ProductFilter::default() };
                let query = ListQuery { filter, ..by_name(PRODUCTS as u32) };
                let (page, read) = (cache.list_products(&[query]).await.unwrap().remove(0), done());
                let mut listed: Vec<Ulid> = page.edges.iter().map(|edge| edge.node.id.ulid()).collect();
                for edge in page.edges {
                    assert_eq!(edge.node.status, ProductStatus::Active, "{:?}", edge.node);
                    self.found_product(edge.node, &read);
                }
                listed.sort();
                for id in world.products.iter().map(|it| it.id.ulid()).filter(|id| listed.binary_search(id).is_err()) {
                    self.not_listed(id, &read);
                }
            }
            _ => self.read_orders(done).await,
        }
    }

    /// The newest orders of a customer: those that must be there are, each in a version that it may have.
    async fn read_orders(&mut self, done: impl Fn() -> Read) {
        let world = Arc::clone(&self.world);
        let customer = world.customers.choose(&mut self.random).unwrap().id;
        let all = world.newest_orders(customer);
        let query = [orders_of(customer, None)];
        let (page, read) = (world.nodes[self.node].list_orders(&query).await.unwrap().remove(0), done());
        let oldest = page.edges.last().filter(|_| page.has_next).map(|edge| edge.node.placed_at);
        let missing = all.into_iter().filter(|order| !page.edges.iter().any(|edge| edge.node.id == *order));
        for order in missing.map(OrderId::ulid).filter(|order| world.order_history.oldest(*order, &read) > 0) {
            let is_older = world.order_history.first(order, 1, &read, |it| oldest.is_some_and(|at| it.placed_at <= at));
            assert!(is_older.is_some(), "node {}: the order {order} is not among those of {customer}", self.node);
        }
        for order in page.edges.into_iter().map(|edge| edge.node) {
            self.check(&world.order_history, &order, &read);
            match world.order_history.is_right(&order, &read, Order::clone) {
                None => world.unchecked.lock().push(Unchecked::Order(order, read)),
                is_right => assert_eq!(is_right, Some(true), "{order:?}"),
            }
        }
    }

    fn found_product(&mut self, found: Product, read: &Read) {
        let world = Arc::clone(&self.world);
        self.check(&world.product_history, &found, read);
        match world.is_right_product(&found, read) {
            None => world.unchecked.lock().push(Unchecked::Product(found, *read)),
            is_right => assert_eq!(is_right, Some(true), "{found:?}"),
        }
    }

    /// A product that a page of active ones does not have must have been archived.
    fn not_listed(&mut self, id: Ulid, read: &Read) {
        let history = &self.world.product_history;
        let seen = self.seen.entry(id).or_default();
        let oldest = history.oldest(id, read).max(*seen);
        match history.first(id, oldest, read, |it| !it.status.is_on_sale()) {
            Some(archived) => *seen = archived.max(*seen),
            None => self.world.unchecked.lock().push(Unchecked::NotListed(id, oldest, *read)),
        }
    }

    /// A version is not older than promised, than what this node wrote, and than what was seen before.
    fn check<T: Versioned>(&mut self, history: &History<T>, found: &T, read: &Read) {
        let (id, version) = found.id_and_version();
        let seen = self.seen.entry(id).or_default();
        let oldest = history.oldest(id, read);
        assert!(version >= oldest.max(*seen), "node {}: {found:?} after {seen} was seen, must be {oldest}", read.node);
        *seen = version;
    }
}
