//! An export on MongoDB that takes longer than the server keeps the past.

mod mongodb {
    use std::time::Duration;

    use ::mongodb::{
        bson::{Document, doc},
        error::ErrorKind,
    };
    use orderwire::storage::{ExportKind, ExportStore, ImportStore, StoreError, mongo::MongoStore};
    use tokio::sync::mpsc;

    use crate::support::{data::task, mongod::Mongod, options::mongo_options, port::free_port, wait_until};

    const DEADLINE: Duration = Duration::from_secs(60);
    /// `SnapshotTooOld`.
    const TOO_OLD: i32 = 239;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_export_that_takes_too_long_says_what_to_do() {
        let server = Mongod::start_with(free_port(), &["--setParameter", "minSnapshotHistoryWindowInSeconds=1"]).await;
        let store = MongoStore::connect(&Mongod::url_of(std::slice::from_ref(&server)), mongo_options()).await.unwrap();
        let tasks: Vec<_> = (0..6000).map(|number| task(&number.to_string())).collect();
        store.import_tasks(&tasks).await.unwrap();
        let (sender, mut batches) = mpsc::channel(1);
        let exporting = {
            let store = store.clone();
            tokio::spawn(async move { store.export(&[ExportKind::Tasks], sender).await })
        };
        assert!(batches.recv().await.is_some());
        // The moment of the export has passed. The server forgets what was then when others write.
        let shop = server.admin.client().database("shop");
        let then = server.admin.run_command(doc! { "hello": 1 }).await.unwrap();
        let then = then.get_timestamp("operationTime").unwrap();
        wait_until("the server forgets the past", DEADLINE, async || {
            shop.collection::<Document>("others").insert_one(doc! {}).await.unwrap();
            let find = doc! {
                "find": "tasks", "limit": 1, "readConcern": { "level": "snapshot", "atClusterTime": then },
            };
            match shop.run_command(find).await {
                Ok(_) => false,
                Err(error) => matches!(&*error.kind, ErrorKind::Command(command) if command.code == TOO_OLD),
            }
        })
        .await;
        while batches.recv().await.is_some() {}
        match exporting.await.unwrap() {
            Err(StoreError::Unavailable(why)) => assert!(why.contains("minSnapshotHistoryWindowInSeconds"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
