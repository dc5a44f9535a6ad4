//! Settings of what subscriptions may take while they are open.

use super::section::section;

section! {
    /// Open subscriptions of one user, and of one client address whoever is signed in there, on this node and over all
    /// transports. One that exceeds a limit is refused with RATE_LIMITED. `server.unlimited_networks` are exempt from the
    /// limits by address.
    "subscriptions" Subscriptions {
        /// How many subscriptions one user may have open.
        per_user: usize = 2000, in 1..=10_000_000;
        /// How many subscriptions one client address may have open.
        per_address: usize = 10_000, in 1..=10_000_000;
        /// How many products the subscriptions of one user may watch one by one (`stockUpdates`).
        products_per_user: usize = 10_000, in 1..=100_000_000;
        /// How many products the subscriptions of one client address may watch one by one.
        products_per_address: usize = 20_000, in 1..=100_000_000;
        /// How much memory the subscriptions of one user may take, with their variables, estimated in bytes.
        bytes_per_user: usize = 16 * 1024 * 1024, in 65_536..=64 * 1024 * 1024 * 1024;
        /// How much memory the subscriptions of one client address may take, estimated in bytes.
        bytes_per_address: usize = 64 * 1024 * 1024, in 65_536..=64 * 1024 * 1024 * 1024;
        /// How much memory all subscriptions of this node may take, estimated in bytes. One that exceeds it is refused with
        /// UNAVAILABLE.
        bytes: usize = 512 * 1024 * 1024, in 65_536..=64 * 1024 * 1024 * 1024;
    }
}
