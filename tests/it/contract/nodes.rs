//! Two nodes, or processes, on one database keep every promise together.

use std::sync::Arc;

use orderwire::{
    domain::{MAX_READ_AGE, Refusal},
    storage::{Rotation, Store, StoreError},
};

use super::engine::Db;
use crate::support::{
    data::{
        adjustment, at, insert_products, key, new_order, place, presented, product, reread, session, session_user,
        stamp, task, user, whole_log,
    },
    wait_until,
};

/// Yields both nodes in turn, without end.
fn in_turns(db: &Db, other: &Arc<dyn Store>) -> impl Iterator<Item = Arc<dyn Store>> {
    [db.shared(), other.clone()].into_iter().cycle()
}

pub async fn two_nodes_sell_the_same_stock_once(db: &Db) {
    let other = db.other_node().await;
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let buyers: Vec<_> = (0..24)
        .zip(in_turns(db, &other))
        .map(|(number, node)| {
            let lamp = lamp.clone();
            tokio::spawn(async move { place(&*node, &number.to_string(), &[(&lamp, 1)]).await })
        })
        .collect();
    let mut sold = 0;
    for buyer in buyers {
        match buyer.await.unwrap() {
            Ok(_) => sold += 1,
            Err(StoreError::Refused(Refusal::InsufficientStock { available: 0, .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sold, reread(&*other, &lamp).await.stock), (10, 0));
    let log = whole_log(&*other).await;
    assert!(log.iter().map(|event| event.seq).eq(1..=21));
    other.close().await;
}

pub async fn two_nodes_place_one_order_for_one_key(db: &Db) {
    let other = db.other_node().await;
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    for round in 0..4 {
        let calls: Vec<_> = (0..6)
            .zip(in_turns(db, &other))
            .map(|(number, node)| {
                let order = new_order(&format!("{round} {number}"), &[(&lamp, 1)]);
                tokio::spawn(async move { node.place_order(order, key(&round.to_string()), stamp()).await.unwrap() })
            })
            .collect();
        let mut placed = 0;
        for call in calls {
            placed += i32::from(!call.await.unwrap().replayed);
        }
        assert_eq!(placed, 1);
    }
    assert_eq!(reread(db.store(), &lamp).await.stock, 6);
    other.close().await;
}

pub async fn a_node_sees_what_another_has_written(db: &Db) {
    let other = db.other_node().await;
    other.catch_up_log().await.unwrap();
    assert_eq!(other.log_state().await.unwrap(), db.log_state().await.unwrap(), "one log");
    let (anna, lamp) = (user("anna"), product("lamp"));
    db.insert_user(&anna, None).await.unwrap();
    let signed_in = session(&anna, 1);
    db.insert_session(&signed_in, None).await.unwrap();
    assert_eq!(session_user(&*other, signed_in.id, at(0)).await, Some(anna.clone()));
    insert_products(db.store(), &[&lamp]).await;
    other.adjust_stock(adjustment(&lamp, 5), stamp()).await.unwrap();
    // A node with a cache may show what it has written itself for as long as a read may be old.
    let is_shown = async || reread(db.store(), &lamp).await.stock == 15;
    wait_until("the other node's change shows", 2 * MAX_READ_AGE, is_shown).await;
    other.insert_task(task("work"), stamp()).await.unwrap();
    assert_eq!(whole_log(db.store()).await, whole_log(&*other).await);

    let racers = [2, 3].map(|next| {
        let (node, session) = (if next == 2 { db.shared() } else { other.clone() }, signed_in.clone());
        tokio::spawn(async move { node.rotate_session(session.id, presented(&session, 1, next), at(99), at(1)).await })
    });
    let mut outcomes = Vec::new();
    for racer in racers {
        outcomes.push(racer.await.unwrap().unwrap());
    }
    let same = [2, 3].map(|next| vec![Rotation::Rotated(anna.clone(), [next; 16]); 2]);
    assert!(same.contains(&outcomes), "both get one successor: {outcomes:?}");
    let late = presented(&signed_in, 1, 9);
    assert_eq!(other.rotate_session(signed_in.id, late, at(99), at(11)).await.unwrap(), Rotation::Reused);
    assert_eq!(session_user(db.store(), signed_in.id, at(1)).await, None);
    assert_eq!(session_user(&*other, signed_in.id, at(1)).await, None);
    other.close().await;
}
