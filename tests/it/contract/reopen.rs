//! Closing and reopening a database loses nothing.

use std::time::Duration;

use orderwire::domain::*;

use super::{
    data_set::DataSet,
    engine::Db,
    listed::{Listed, expected, page, sorts},
};
use crate::support::{
    data::{adjustment, at, by_system, place, reread, session, session_user, stamp, task, whole_log},
    wait_until,
};

pub async fn reopening_keeps_everything(db: &mut Db) {
    let data = DataSet::load(db.store()).await;
    let lamp =
        data.products.iter().find(|product| product.stock > 0 && product.status == ProductStatus::Active).unwrap();
    let placed = place(db.store(), "1", &[(lamp, 1)]).await.unwrap();
    let signed_in = session(&data.users[0], 1);
    db.insert_session(&signed_in, None).await.unwrap();
    db.set_password(data.users[1].id, "hash", None, by_system(1)).await.unwrap();
    let (state, log) = (db.log_state().await.unwrap(), whole_log(db.store()).await);
    let lamp_now = reread(db.store(), lamp).await;

    for _ in 0..2 {
        db.reopen().await;
        db.ping().await.unwrap();
        assert_eq!(db.log_state().await.unwrap(), state, "the same log");
        assert_eq!(whole_log(db.store()).await, log);
        assert_eq!(reread(db.store(), lamp).await, lamp_now);
        assert_eq!(db.orders_by_ids(&[placed.order.id]).await.unwrap(), [Some(placed.order.clone())]);
        assert_eq!(session_user(db.store(), signed_in.id, at(1)).await, Some(data.users[0].clone()));
        let credentials = db.credentials_by_id(data.users[1].id).await.unwrap().unwrap();
        assert_eq!(credentials.password_hash.as_deref(), Some("hash"));
        lists_are_whole::<Task>(db, &data).await;
        let search = TaskFilter { search: SearchTerms::parse("lantern").ok(), ..TaskFilter::default() };
        let found = data.tasks.iter().filter(|task| task.passes(&search)).count() as u64;
        assert_eq!(db.count_tasks(&[search]).await.unwrap(), [found], "the search index too");
    }
    db.insert_task(task("next"), stamp()).await.unwrap();
    assert_eq!(db.log_state().await.unwrap().head, state.head + 1);
}

async fn lists_are_whole<T: Listed>(db: &Db, data: &DataSet) {
    let sort = sorts::<T>().next().unwrap();
    let page = page::<T>(db, &T::Filter::default(), sort, Slice::first(1000)).await;
    assert_eq!(page.edges, expected(T::rows(data), &T::Filter::default(), sort));
}

/// Writes that run while the database closes are stored whole or not at all, acknowledged ones always.
pub async fn acknowledged_writes_survive_closing(db: &mut Db) {
    let lamp = Product { stock: 0, ..crate::support::data::product("lamp") };
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let (store, writing) = (db.shared(), lamp.clone());
    let writer = tokio::spawn(async move {
        let mut acknowledged = 0;
        while acknowledged < 2_000 && store.adjust_stock(adjustment(&writing, 1), stamp()).await.is_ok() {
            acknowledged += 1;
        }
        acknowledged
    });
    wait_until("the writer writes", Duration::from_secs(30), async || reread(db.store(), &lamp).await.stock > 5).await;
    db.reopen().await;
    let acknowledged = writer.await.unwrap();
    let lamp = reread(db.store(), &lamp).await;
    assert!(lamp.stock >= acknowledged, "{} of {acknowledged}", lamp.stock);
    assert_eq!(db.log_state().await.unwrap().head, Seq::from(lamp.version));
}
