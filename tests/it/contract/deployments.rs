//! A database belongs to one deployment: to nodes that sign tokens with the same key.

use orderwire::storage::DeploymentId;

use super::engine::Db;
use crate::support::data::{stamp, task, whole_log};

const OURS: DeploymentId = DeploymentId(1);
const THEIRS: DeploymentId = DeploymentId(-2);

async fn assert_refused(db: &Db, deployment: DeploymentId) {
    let refused = db.open_as(deployment).await.err().expect("it is refused").to_string();
    assert!(refused.contains("signs tokens with another key") && refused.contains("adopt-database"), "{refused}");
}

async fn assert_opens(db: &Db, deployment: DeploymentId) {
    db.open_as(deployment).await.unwrap().close().await;
}

pub async fn a_database_of_another_deployment_is_refused_and_not_changed(db: &mut Db) {
    db.insert_task(task("first"), stamp()).await.unwrap();
    // It belongs to nobody until a node with a key opens it.
    assert_opens(db, OURS).await;
    let (log, state) = (whole_log(db.store()).await, db.log_state().await.unwrap());
    assert_refused(db, THEIRS).await;
    assert_eq!((whole_log(db.store()).await, db.log_state().await.unwrap()), (log, state));
    assert_opens(db, OURS).await;
    // A process without a key, such as an import, opens any database.
    db.reopen().await;
    assert_refused(db, THEIRS).await;
}

pub async fn a_database_is_adopted_by_a_deployment_with_another_key(db: &Db) {
    let running = db.open_as(OURS).await.unwrap();
    db.set_deployment(THEIRS).await.unwrap();
    assert_opens(db, THEIRS).await;
    assert_refused(db, OURS).await;
    running.insert_task(task("running nodes go on"), stamp()).await.unwrap();
    running.catch_up_log().await.unwrap();
    running.close().await;
    assert_eq!(db.log_state().await.unwrap().head, 1);
}

pub async fn of_deployments_that_race_for_a_new_database_one_gets_it(db: &Db) {
    let (ours, theirs) = tokio::join!(db.open_as(OURS), db.open_as(THEIRS));
    let (owner, other) = if ours.is_ok() { (OURS, THEIRS) } else { (THEIRS, OURS) };
    let opened = [ours, theirs].into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(opened.len(), 1);
    for store in opened {
        store.close().await;
    }
    assert_opens(db, owner).await;
    assert_refused(db, other).await;
}
