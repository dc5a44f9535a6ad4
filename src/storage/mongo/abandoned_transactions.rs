//! Ends transactions that a killed process left open.
//!
//! The server ends such a transaction only after a minute (`transactionLifetimeLimitSeconds`), and until then no other
//! process can append to the log. So a process that keeps colliding looks for Orderwire's transactions that have been
//! idle for longer than a running process leaves them, and ends their sessions. A transaction that was only slow gets a
//! transient error and is retried.

use std::time::Duration;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::options::ReadConcern;

use super::{read::OPERATION_TIMEOUT, store::Inner};

/// Idle time after which a transaction counts as abandoned; a running process continues its own within milliseconds.
const IDLE_FOR: Duration = Duration::from_secs(2);

impl Inner {
    /// Ends abandoned transactions. Needs no privilege: a database user may list and end their own sessions.
    pub(super) async fn end_abandoned_transactions(&self) -> mongodb::error::Result<()> {
        let idle_micros = i64::try_from(IDLE_FOR.as_micros()).unwrap_or(i64::MAX);
        let pipeline = [
            doc! { "$currentOp": { "allUsers": false, "idleSessions": true } },
            doc! { "$match": {
                "type": "idleSession",
                "appName": &self.app_name,
                "transaction.timeInactiveMicros": { "$gt": idle_micros },
            } },
            doc! { "$project": { "_id": 0, "id": "$lsid.id" } },
        ];
        let admin = self.client.database("admin");
        let idle = admin.aggregate(pipeline).read_concern(ReadConcern::local()).max_time(OPERATION_TIMEOUT);
        let sessions: Vec<Document> = idle.await?.try_collect().await?;
        if !sessions.is_empty() {
            tracing::warn!(sessions = sessions.len(), "ending transactions that were left open");
            let sessions: Vec<Bson> = sessions.into_iter().map(Bson::from).collect();
            admin.run_command(doc! { "killSessions": sessions }).await?;
        }
        Ok(())
    }
}
