//! Whether Redis may delete what nodes share to make room: then a flood of keys would empty the limits of wrong passwords.

use std::time::Duration;

use redis::RedisError;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::client::client;

/// How long the question may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Warns if Redis may delete rate limits when its memory is full. Some hosts don't allow the question; then nothing is
/// known.
pub async fn warn_of_eviction(url: &str) {
    match evicting_policy(url).await {
        Some(Some(policy)) => warn!(
            policy,
            "Redis may delete rate limits when its memory is full: set its maxmemory-policy to noeviction"
        ),
        Some(None) => {}
        None => debug!("Redis does not say what it does when its memory is full; maxmemory-policy must be noeviction"),
    }
}

/// The `maxmemory-policy` of a Redis if it is one that deletes keys; the outer `None` if Redis does not say.
pub async fn evicting_policy(url: &str) -> Option<Option<String>> {
    let (client, _) = client(url).ok()?;
    let ask = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut connection).await
    };
    let answer: Result<Vec<String>, RedisError> = timeout(TIMEOUT, ask).await.ok()?;
    let policy = answer.ok()?.pop()?;
    Some(Some(policy).filter(|policy| policy != "noeviction"))
}
