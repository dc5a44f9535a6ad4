//! Ends transactions whose process has gone.
//!
//! A process that is killed within a transaction leaves it open in the server, which gives it up after a minute only
//! (`transactionLifetimeLimitSeconds`); until then nobody else can append to the log. So whoever keeps colliding looks
//! for transactions of Orderwire on which nothing has happened for longer than a living process would leave them, and
//! ends their sessions. One that was only slow gets a transient error from that, and tries again.

use std::time::Duration;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::options::ReadConcern;

use super::Inner;

/// A living process goes on with its transaction within milliseconds.
const IDLE_FOR: Duration = Duration::from_secs(2);

impl Inner {
    /// Ends what has been left behind. Needs no privilege: a user sees and ends their own sessions.
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
        let sessions: Vec<Document> =
            admin.aggregate(pipeline).read_concern(ReadConcern::local()).await?.try_collect().await?;
        if !sessions.is_empty() {
            tracing::warn!(sessions = sessions.len(), "ending transactions that were left open");
            let sessions: Vec<Bson> = sessions.into_iter().map(Bson::from).collect();
            admin.run_command(doc! { "killSessions": sessions }).await?;
        }
        Ok(())
    }
}
