//! Writes through the cache of a node, each noted with the versions that it made.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use orderwire::{
    domain::*,
    storage::{OrderStore, ProductStore, Result, StoreError, UserStore},
};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::{Instant, sleep};

use super::{World, history::Write};
use crate::{
    near_cache::now,
    support::data::{key, new_order, step},
};

/// One of those who write, on one node.
pub struct Writer {
    pub world: Arc<World>,
    pub node: usize,
    pub name: u64,
    pub random: StdRng,
}

impl Writer {
    pub async fn run(mut self) {
        let mut number = 0;
        while !self.world.is_done() {
            number += 1;
            match self.write(number).await {
                Ok(()) => _ = self.world.written[self.node].fetch_add(1, Ordering::Relaxed),
                Err(StoreError::Refused(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let pause = self.random.random_range(0..60);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn write(&mut self, number: u64) -> Result<()> {
        let world = Arc::clone(&self.world);
        let (cache, node, began) = (&world.nodes[self.node], self.node, Instant::now());
        let done = || Write { node, began, acknowledged: Instant::now() };
        let product = world.products.choose(&mut self.random).unwrap();
        match self.random.random_range(0..100) {
            0..45 => {
                let count = self.random.random_range(1..4);
                let bought: Vec<_> =
                    world.products.choose_multiple(&mut self.random, count).map(|it| (it, 1)).collect();
                let customer = world.customers.choose(&mut self.random).unwrap().id;
                let name = format!("{}-{number}", self.name);
                let order = NewOrder { customer, ..new_order(&name, &bought) };
                let placed = cache.place_order(order, Idempotency { user: customer, ..key(&name) }, now()).await?;
                let write = done();
                world.order_history.note(write, &placed.order);
                placed.products.iter().for_each(|product| world.product_history.note(write, product));
                world.orders.lock().push((placed.order.id, customer));
            }
            45..60 => {
                let adjustment = StockAdjustment { product: product.id, delta: 5, idempotency: None };
                let product = cache.adjust_stock(adjustment, now()).await?;
                world.product_history.note(done(), &product);
            }
            60..80 => {
                let status = *[ProductStatus::Active, ProductStatus::Active, ProductStatus::Archived]
                    .choose(&mut self.random)
                    .unwrap();
                // No two changes are the same, so each makes a version.
                let price = Decimal::from_units((self.name * 1_000_000 + number) as i64);
                let changes = ProductChanges { price: Some(price), status: Some(status), ..ProductChanges::default() };
                let product = cache.update_product(product.id, changes, None, now()).await?;
                world.product_history.note(done(), &product);
            }
            80..90 => {
                let Some((order, _)) = world.orders.lock().choose(&mut self.random).copied() else { return Ok(()) };
                let to = *[OrderStatus::Confirmed, OrderStatus::Cancelled].choose(&mut self.random).unwrap();
                let moved = cache.change_order_status(step(order, to), now()).await?;
                let write = done();
                world.order_history.note(write, &moved.order);
                moved.products.iter().for_each(|product| world.product_history.note(write, product));
            }
            _ => {
                let customer = world.customers.choose(&mut self.random).unwrap().id;
                let name = Some(format!("{}-{number}", self.name));
                let user =
                    cache.update_user(customer, UserChanges { name, ..UserChanges::default() }, None, now()).await?;
                world.user_history.note(done(), &user);
            }
        }
        Ok(())
    }
}
