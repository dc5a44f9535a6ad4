//! Trending products: a node counts the units sold once, and then reads from the log what has been ordered since.
//!
//! Decision: `docs/decisions/0028-trending-products.md`.

use std::time::Duration;

use tokio::{sync::OwnedMutexGuard, time::Instant};

use super::super::{Result, Service, ServiceError, caches::FollowedSales};
use crate::{
    domain::{EntityKind, LogFilter, PeriodEnded, Product, ProductId, SalesRanking, SoldProduct},
    fairness::{Caller, run_for, run_without_deadline},
    telemetry::{
        metrics::{CacheName, metrics},
        operation::in_current_operation,
    },
};

/// The period, in days.
const DAYS: u32 = 30;
/// The most products that can be asked for.
const MAX: usize = 100;
/// How long units are counted by the log. Then they are counted anew, which finds imported orders: those have no entry.
const COUNTED_FOR: Duration = Duration::from_secs(10 * 60);
/// Entries in a page of the log.
const PAGE: u32 = 500;
/// Pages after which counting anew is faster than reading on.
const MAX_PAGES: usize = 20;

type LockedSales = OwnedMutexGuard<Option<FollowedSales>>;

impl Service {
    /// The products on sale of which most units were ordered in the last 30 days of data, for anyone: most first, those with
    /// the same number by id. `first` is 1 to 100. Days are whole, in UTC; the last is that of the newest order.
    pub async fn trending_products(&self, first: i32) -> Result<Vec<Product>> {
        let wanted = usize::try_from(first).ok().filter(|wanted| (1..=MAX).contains(wanted));
        let wanted = wanted.ok_or_else(|| ServiceError::BadInput(format!("first: must be between 1 and {MAX}")))?;
        metrics().cache_lookups.get(CacheName::Trending).inc();
        let asked_at = Instant::now();
        let (mut found, mut place) = (Vec::with_capacity(wanted), None);
        while found.len() < wanted {
            // For all viewers, so not at the cost of the one who happens to ask.
            let best = run_for(Caller::Server, self.best_sold(asked_at, place, wanted)).await?;
            let Some(last) = best.last() else { break };
            place = Some(*last);
            let ids: Vec<ProductId> = best.iter().map(|sold| sold.product).collect();
            let products = self.store.products_by_ids(&ids).await?.into_iter().flatten();
            found.extend(products.filter(|product| product.status.is_on_sale()));
        }
        found.truncate(wanted);
        Ok(found)
    }

    /// The products after a place in the ranking, which has everything that was committed before `asked_at`.
    async fn best_sold(
        &self,
        asked_at: Instant,
        place: Option<SoldProduct>,
        wanted: usize,
    ) -> Result<Vec<SoldProduct>> {
        let mut known = self.sales.clone().lock_owned().await;
        let is_current = match &mut *known {
            Some(sales) => sales.seen_until >= asked_at || self.follow_log(sales).await?,
            None => false,
        };
        if !is_current {
            known = self.count_sales(known).await?;
        }
        Ok(known.iter().flat_map(|sales| sales.ranking.after(place)).take(wanted).collect())
    }

    /// Counts all units in a task of its own, which goes on and holds the lock when the caller leaves: those who ask next wait
    /// for it and do not count beside it.
    async fn count_sales(&self, mut known: LockedSales) -> Result<LockedSales> {
        metrics().cache_misses.get(CacheName::Trending).inc();
        let (store, log, began) = (self.store.clone(), self.feed.log_id(), Instant::now());
        let count = async move {
            let ranking = store.count_sales(DAYS, SalesRanking::MAX_PRODUCTS).await?.into();
            *known = Some(FollowedSales { ranking, log, counted_at: began, seen_until: began });
            Ok(known)
        };
        let counted = tokio::spawn(in_current_operation(run_without_deadline(Caller::Server, count))).await;
        counted.map_err(|error| ServiceError::Internal(Box::new(error)))?
    }

    /// Counts what was ordered and cancelled since; `false` if units are to be counted anew. The ranking changes between two
    /// waits only, so nothing is lost with a request that is given up.
    async fn follow_log(&self, sales: &mut FollowedSales) -> Result<bool> {
        let is_old = sales.counted_at.elapsed() >= COUNTED_FOR;
        if is_old || sales.log != self.feed.log_id() || self.feed.has_lost_entries() {
            return Ok(false);
        }
        let of_orders = LogFilter { kind: Some(EntityKind::Order), ..LogFilter::ALL };
        let began = Instant::now();
        self.store.catch_up_log().await?;
        for _ in 0..MAX_PAGES {
            let page = self.store.read_log(sales.ranking.through(), of_orders, PAGE).await?;
            if let Err(PeriodEnded) = sales.ranking.count(&page.events, page.through) {
                return Ok(false);
            }
            if !page.has_more {
                sales.seen_until = began;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
