//! Settings of rate limits.

use std::time::Duration;

use super::{Setting, section::section, setting::quoted};
use crate::domain::TokenBucket;

/// A token bucket, or no limit. `1000/10s` allows a burst of 1,000 and refills 100 each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit(pub Option<TokenBucket>);

impl RateLimit {
    fn new(points: u32, seconds: u64) -> Self {
        Self(Some(TokenBucket::new(points, Duration::from_secs(seconds))))
    }
}

impl Setting for RateLimit {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be a number and the time in which it refills, such as \"1000/10s\", or \"off\"".to_owned();
        if text == "off" {
            return Ok(Self(None));
        }
        let (points, refill) = text.split_once('/').ok_or_else(wrong)?;
        let points: u32 = points.trim().parse().map_err(|_| wrong())?;
        let refill = Duration::parse(refill.trim()).map_err(|_| wrong())?;
        let bucket = TokenBucket::new(points, refill);
        if (bucket.capacity(), bucket.refill()) == (points, refill) { Ok(Self(Some(bucket))) } else { Err(wrong()) }
    }

    fn show(&self) -> Option<String> {
        let Some(bucket) = self.0 else { return Some(quoted("off")) };
        // `Duration::show` puts quotation marks around the time.
        let refill = bucket.refill().show()?;
        Some(quoted(&format!("{}/{}", bucket.capacity(), refill.trim_matches('"'))))
    }
}

section! {
    /// Rate limits: a number, and the time in which it refills evenly. With Redis, all nodes count together, except for
    /// `requests_per_address`. What exceeds a limit is refused with RATE_LIMITED and the time to wait.
    "rate_limits" RateLimits {
        /// HTTP requests from one client address to this node. `server.trusted_proxies`, `server.client_address_header` and
        /// `server.unlimited_networks` determine the address.
        requests_per_address: RateLimit = RateLimit::new(2000, 10);
        /// Cost of operations (docs/cost.md) from one client address without signing in.
        anonymous_cost: RateLimit = RateLimit::new(100_000, 10);
        /// Cost of operations of one customer.
        customer_cost: RateLimit = RateLimit::new(200_000, 10);
        /// Cost of operations of one staff member, or of one API key.
        staff_cost: RateLimit = RateLimit::new(1_000_000, 10);
        /// Cost of operations of one admin.
        admin_cost: RateLimit = RateLimit::new(2_000_000, 10);
        /// Wrong passwords for one account, from any address.
        sign_ins_per_account: RateLimit = RateLimit::new(10, 300);
        /// Wrong passwords and new accounts from one client address.
        sign_ins_per_address: RateLimit = RateLimit::new(50, 300);
        /// Bytes of documents that one user registers by their hash. What exceeds it runs, but is not registered.
        registered_bytes_per_user: RateLimit = RateLimit::new(1024 * 1024, 24 * 3600);
        /// Bytes of documents that one client address registers without signing in.
        registered_bytes_per_address: RateLimit = RateLimit::new(1024 * 1024, 24 * 3600);
    }
}

impl RateLimits {
    /// Problems with cost limits when one operation may cost up to `largest`, each as the setting's key and a message.
    pub(super) fn faults(&self, largest: usize) -> Vec<(&'static str, String)> {
        let limits = [
            ("rate_limits.anonymous_cost", self.anonymous_cost),
            ("rate_limits.customer_cost", self.customer_cost),
            ("rate_limits.staff_cost", self.staff_cost),
            ("rate_limits.admin_cost", self.admin_cost),
        ];
        let is_too_small = |limit: RateLimit| limit.0.is_some_and(|bucket| (bucket.capacity() as usize) < largest);
        let faults = limits.into_iter().filter(|(_, limit)| is_too_small(*limit));
        faults.map(|(key, _)| (key, format!("must be at least limits.cost, {largest}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limits_parse_as_a_number_and_a_time() {
        for (text, shown) in [("1000/10s", "1000/10s"), ("10 / 300 s", "10/5m"), ("1/1ms", "1/1ms"), ("off", "off")] {
            assert_eq!(RateLimit::parse(text).unwrap().show().unwrap(), format!("\"{shown}\""));
        }
        for bad in ["", "10", "10/", "/10s", "0/10s", "10/0s", "-1/10s", "5000000000/1s", "10/10", "1/101d", "on"] {
            assert!(RateLimit::parse(bad).is_err(), "{bad}");
        }
    }
}
