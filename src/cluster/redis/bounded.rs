//! Values in Redis that take so many bytes at most together, so that what nodes can do without never fills it.

use std::{sync::LazyLock, time::Duration};

use redis::Script;

use super::client::OptionalRedis;

/// Stores values under keys for a time, and deletes the oldest ones for as long as all take more bytes than they may.
///
/// The index is a sorted set of `<bytes>:<key>` by the time at which the key expires; `total` is the sum of the bytes in it.
/// Both outlive the keys, and are made anew if either is missing. Arguments: milliseconds to keep, the most bytes, the
/// prefix of keys, and for each key its rest, its bytes and its value.
static STORE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local index, total, keep, most, prefix = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local bytes = tonumber(redis.call('GET', total))
        if not bytes or redis.call('EXISTS', index) == 0 then
            redis.call('DEL', index)
            bytes = 0
        end
        for at = 4, #ARGV, 3 do
            local key, size, value = ARGV[at], ARGV[at + 1], ARGV[at + 2]
            if redis.call('ZADD', index, now + keep, size .. ':' .. key) == 1 then bytes = bytes + size end
            redis.call('SET', prefix .. key, value, 'PX', keep)
        end
        local function drop(member)
            local size, key = member:match('^(%d+):(.*)$')
            redis.call('ZREM', index, member)
            redis.call('DEL', prefix .. key)
            bytes = bytes - size
        end
        for _, member in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 1000)) do drop(member) end
        while bytes > most do
            local oldest = redis.call('ZRANGE', index, 0, 0)[1]
            if not oldest then break end
            drop(oldest)
        end
        redis.call('SET', total, string.format('%.0f', bytes), 'PX', 2 * keep)
        redis.call('PEXPIRE', index, 2 * keep)
        return bytes",
    )
});

/// Values of one kind, kept for a time and within some bytes together: the oldest ones are deleted first.
pub(super) struct Bounded {
    prefix: String,
    index: String,
    total: String,
    keep: Duration,
    bytes: u64,
}

/// A value to be stored.
pub(super) struct Value<'v> {
    /// The rest of its key, after the prefix.
    pub name: String,
    /// The bytes that it counts as.
    pub bytes: usize,
    pub value: &'v [u8],
}

impl Bounded {
    /// Values under keys that begin with `prefix`. `kind` names the two keys that count them.
    pub fn new(prefix: &str, kind: &str, keep: Duration, bytes: u64) -> Self {
        let index = format!("{prefix}{kind}");
        Self { prefix: prefix.to_owned(), total: format!("{index}:bytes"), index, keep, bytes }
    }

    /// Stores values, and deletes the oldest ones that are too many. Does nothing while Redis is away.
    pub async fn put(&self, redis: &OptionalRedis, values: impl IntoIterator<Item = Value<'_>>) {
        let mut store = STORE.key(&self.index);
        store.key(&self.total);
        store.arg(u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX).max(1));
        store.arg(self.bytes).arg(&self.prefix);
        for Value { name, bytes, value } in values {
            store.arg(name).arg(bytes).arg(value);
        }
        let _: Option<u64> = redis.call(async |connection| store.invoke_async(connection).await).await;
    }
}
