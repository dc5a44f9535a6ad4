//! Consumers of the event log.
//!
//! Decision: `docs/decisions/0032-consumers-of-the-log.md`.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    delivery,
    row::{Json, NamedRow, json, named},
    store::SqliteStore,
    user,
};
use crate::{
    domain::{Clock, Consumer, ConsumerChanges, Progress, Refusal, Stamp, SystemClock},
    storage::{ConsumerStore, LeasedConsumer, Result, StoreError},
};

const COLUMNS: &str = "name, definition, paused, version, created_at, updated_at, progress";

fn consumer_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Consumer> {
    Ok(Consumer {
        name: row.get("name")?,
        definition: row.get("definition")?,
        paused: row.get("paused")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        progress: row.get::<Json<Progress>>("progress")?.0,
    })
}

fn find(db: &Connection, name: &str) -> Result<Option<Consumer>> {
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM consumers WHERE name = ?1"))?;
    Ok(find.query_row([name], named(consumer_from_row)).optional()?)
}

fn insert(db: &Connection, consumer: &Consumer, stamp: Stamp) -> Result<()> {
    user::check_admin(db, stamp)?;
    db.prepare_cached(&format!("INSERT INTO consumers ({COLUMNS}, stopped) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"))?
        .execute(params![
            consumer.name,
            consumer.definition,
            consumer.paused,
            consumer.version,
            consumer.created_at,
            consumer.updated_at,
            json(&consumer.progress)?,
            consumer.progress.stopped,
        ])?;
    Ok(())
}

fn change(
    db: &Connection,
    name: &str,
    changes: ConsumerChanges,
    expected_version: Option<i32>,
    stamp: Stamp,
) -> Result<Consumer> {
    user::check_admin(db, stamp)?;
    let consumer = find(db, name)?.ok_or(Refusal::NotFound)?.change(changes, expected_version, stamp.at)?;
    db.prepare_cached(
        "UPDATE consumers SET definition = ?2, paused = ?3, version = ?4, updated_at = ?5, progress = ?6, stopped = ?7, \
         fence = fence + 1, holder = NULL, lease_until = 0, retry_at = 0 WHERE name = ?1",
    )?
    .execute(params![
        name,
        consumer.definition,
        consumer.paused,
        consumer.version,
        consumer.updated_at,
        json(&consumer.progress)?,
        consumer.progress.stopped,
    ])?;
    Ok(consumer)
}

fn delete(db: &Connection, name: &str, stamp: Stamp) -> Result<()> {
    user::check_admin(db, stamp)?;
    let deleted = db.prepare_cached("DELETE FROM consumers WHERE name = ?1")?.execute([name])?;
    if deleted == 0 {
        return Err(Refusal::NotFound.into());
    }
    name.parse().map_or(Ok(()), |webhook| delivery::delete_of(db, webhook))
}

/// The time on the database's clock, which is the machine's.
fn now() -> i64 {
    SystemClock.now().unix_millis()
}

fn millis(duration: Duration) -> Result<i64> {
    i64::try_from(duration.as_millis()).map_err(StoreError::internal)
}

fn lease(db: &Connection, holder: i64, most: u32, lease: Duration, without: &[String]) -> Result<Vec<LeasedConsumer>> {
    let (now, until) = (now(), now() + millis(lease)?);
    let extended = db
        .prepare_cached(
            "UPDATE consumers SET lease_until = ?3 WHERE holder = ?1 AND lease_until > ?2 AND NOT paused AND NOT stopped",
        )?
        .execute(params![holder, now, until])?;
    let free = (most as usize).saturating_sub(extended);
    db.prepare_cached(
        "UPDATE consumers SET holder = ?1, lease_until = ?3, fence = fence + 1 WHERE name IN (SELECT name FROM consumers \
         WHERE lease_until <= ?2 AND NOT paused AND NOT stopped AND name NOT IN (SELECT value FROM json_each(?5)) \
         ORDER BY lease_until, name LIMIT ?4)",
    )?
    .execute(params![holder, now, until, i64::try_from(free).map_err(StoreError::internal)?, json(&without)?])?;
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS}, fence, max(retry_at - ?2, 0) AS retry_in FROM consumers \
         WHERE holder = ?1 AND lease_until > ?2 AND NOT paused AND NOT stopped ORDER BY name"
    ))?;
    let leased = named(|row| {
        Ok(LeasedConsumer {
            consumer: consumer_from_row(row)?,
            fence: row.get("fence")?,
            retry_in: Duration::from_millis(row.get::<i64>("retry_in")?.unsigned_abs()),
        })
    });
    Ok(select.query_map(params![holder, now], leased)?.collect::<rusqlite::Result<_>>()?)
}

fn save(db: &Connection, name: &str, fence: i64, progress: &Progress, retry_in: Duration) -> Result<bool> {
    let saved = db
        .prepare_cached(
            "UPDATE consumers SET progress = ?3, stopped = ?4, retry_at = ?5 WHERE name = ?1 AND fence = ?2",
        )?
        .execute(params![name, fence, json(progress)?, progress.stopped, now() + millis(retry_in)?])?;
    Ok(saved == 1)
}

#[async_trait]
impl ConsumerStore for SqliteStore {
    async fn insert_consumer(&self, consumer: &Consumer, stamp: Stamp) -> Result<()> {
        let consumer = consumer.clone();
        self.write(move |db| insert(db, &consumer, stamp)).await
    }

    async fn change_consumer(
        &self,
        name: &str,
        changes: ConsumerChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Consumer> {
        let name = name.to_owned();
        self.write(move |db| change(db, &name, changes, expected_version, stamp)).await
    }

    async fn delete_consumer(&self, name: &str, stamp: Stamp) -> Result<()> {
        let name = name.to_owned();
        self.write(move |db| delete(db, &name, stamp)).await
    }

    async fn consumers(&self, names: &[String]) -> Result<Vec<Option<Consumer>>> {
        let names = names.to_vec();
        self.read(move |db| names.iter().map(|name| find(db, name)).collect()).await
    }

    async fn list_consumers(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<Consumer>> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        self.read(move |db| {
            let mut select = db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM consumers WHERE name >= ?1 AND name > ?2 AND substr(name, 1, length(?1)) = ?1 \
                 ORDER BY name LIMIT ?3"
            ))?;
            let found = select.query_map(params![prefix, after, limit], named(consumer_from_row))?;
            Ok(found.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn lease_consumers(
        &self,
        holder: i64,
        most: u32,
        duration: Duration,
        without: &[String],
    ) -> Result<Vec<LeasedConsumer>> {
        // Processes ask every few seconds, and without consumers that writes nothing.
        let exists = self.read(|db| {
            let mut find = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM consumers) AS found")?;
            Ok(find.query_row([], |row| row.get("found"))?)
        });
        if !exists.await? {
            return Ok(Vec::new());
        }
        let without = without.to_vec();
        self.write(move |db| lease(db, holder, most, duration, &without)).await
    }

    async fn save_progress(&self, name: &str, fence: i64, progress: &Progress, retry_in: Duration) -> Result<bool> {
        let (name, progress) = (name.to_owned(), progress.clone());
        self.write(move |db| save(db, &name, fence, &progress, retry_in)).await
    }

    async fn release_consumers(&self, holder: i64) -> Result<()> {
        self.write(move |db| {
            let mut release =
                db.prepare_cached("UPDATE consumers SET holder = NULL, lease_until = 0 WHERE holder = ?1")?;
            release.execute([holder])?;
            Ok(())
        })
        .await
    }
}
