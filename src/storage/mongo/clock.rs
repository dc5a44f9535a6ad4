//! The clock of the database.

use bson::Document;

use crate::{
    domain::Timestamp,
    storage::{Result, StoreError},
};

/// The time in the reply to `hello`. A replica set's primary says what its clock shows. A router of a sharded cluster has a
/// clock of its own, which may be that of a node's machine; the time of the cluster is that of the shards, and at most some
/// seconds old.
pub(super) fn time_of(hello: &Document) -> Result<Timestamp> {
    if !is_router(hello) {
        let now = hello.get_datetime("localTime").map_err(StoreError::internal)?;
        return Ok(Timestamp::from_unix_millis(now.timestamp_millis()));
    }
    let cluster = hello.get_document("$clusterTime").and_then(|cluster| cluster.get_timestamp("clusterTime"));
    let seconds = cluster.map_err(StoreError::internal)?.time;
    Ok(Timestamp::from_unix_millis(i64::from(seconds) * 1000))
}

/// Whether the reply is a router's of a sharded cluster.
pub(super) fn is_router(hello: &Document) -> bool {
    hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, Timestamp as ClusterTime, doc};

    use super::*;

    #[test]
    fn the_clock_of_a_router_does_not_count() {
        let at = |millis| Ok(Timestamp::from_unix_millis(millis));
        let cluster = doc! { "clusterTime": ClusterTime { time: 7, increment: 1 } };
        let mut hello = doc! { "localTime": DateTime::from_millis(9_000), "$clusterTime": cluster };
        assert_eq!(time_of(&hello).map_err(|error| error.to_string()), at(9_000));
        hello.insert("msg", "isdbgrid");
        assert_eq!(time_of(&hello).map_err(|error| error.to_string()), at(7_000));
        assert!(time_of(&doc! {}).is_err());
    }
}
