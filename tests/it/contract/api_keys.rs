//! API keys: found by the hash of their secret, standing where a session does, revoked by the log.

use std::time::Duration;

use futures_util::future::join_all;
use orderwire::domain::*;

use super::engine::{Db, refusal};
use crate::support::data::{
    adjustment, at, by_system, insert_products, key as idempotency, new_order, place, product, session, session_user,
    step, task, user, whole_log,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A key of this user with these scopes, and the hash of its secret.
fn key(creator: &User, number: u8, scopes: &[Scope]) -> (ApiKey, TokenHash) {
    let key = ApiKey {
        id: ApiKeyId::derived(at(1), "test", &number.to_string()),
        name: format!("Key {number} \u{e9}"),
        prefix: format!("owk_{number:06}"),
        scopes: scopes.iter().copied().collect(),
        created_by: creator.id,
        last_used_at: None,
        expires_at: None,
        created_at: at(i64::from(number)),
    };
    (key, [number; 32])
}

/// An admin who is signed in, and the stamp of their changes.
async fn admin(db: &Db) -> (User, Stamp) {
    let admin = User { role: UserRole::Admin, ..user("admin") };
    db.insert_user(&admin, None).await.unwrap();
    let session = session(&admin, 1);
    db.insert_session(&session, None).await.unwrap();
    let stamp = Stamp { actor: Some(admin.id), permission: Permission::Staff(session.id), at: at(5) };
    (admin, stamp)
}

/// The stamp of a change that a key makes.
fn stamp_of(key: &ApiKey) -> Stamp {
    Stamp { actor: Some(key.created_by), permission: Permission::Staff(key.id.as_session()), at: at(6) }
}

/// What the log says of ended rights.
async fn ended_rights(db: &Db) -> Vec<Entity> {
    let entities = whole_log(db.store()).await.into_iter().map(|event| event.entity);
    entities.filter(|entity| entity.kind() == EntityKind::Rights).collect()
}

async fn all(db: &Db) -> Vec<ApiKey> {
    let mut keys = db.api_keys().await.unwrap();
    keys.sort_by_key(|key| key.created_at);
    keys
}

pub async fn a_key_is_found_by_its_secret_and_listed_whole(db: &Db) {
    let (anna, stamp) = admin(db).await;
    let (plain, plain_secret) = key(&anna, 1, &[Scope::ReadOrders]);
    let (full, full_secret) = key(&anna, 2, &Scope::ALL);
    let full = ApiKey { expires_at: Some(at(50)), last_used_at: Some(at(3)), ..full };
    assert_eq!(all(db).await, []);
    db.insert_api_key(&plain, plain_secret, stamp).await.unwrap();
    db.insert_api_key(&full, full_secret, stamp).await.unwrap();
    assert_eq!(all(db).await, [plain.clone(), full.clone()]);
    assert_eq!(db.api_key_by_secret(plain_secret).await.unwrap(), Some(plain.clone()));
    assert_eq!(db.api_key_by_secret(full_secret).await.unwrap(), Some(full.clone()));
    assert_eq!(db.api_key_by_secret([9; 32]).await.unwrap(), None);
    assert!(ended_rights(db).await.is_empty(), "a new key ends no rights");

    // Its id stands for its creator until it expires.
    let (plain, full) = (plain.id.as_session(), full.id.as_session());
    assert_eq!(session_user(db.store(), plain, at(1_000_000)).await, Some(anna.clone()));
    assert_eq!(session_user(db.store(), full, at(49)).await, Some(anna.clone()));
    assert_eq!(session_user(db.store(), full, at(50)).await, None);
    let own = session(&anna, 1).id;
    let found = db.session_users(&[own, full, session(&anna, 7).id, plain], at(49)).await.unwrap();
    let users: Vec<Option<UserId>> = found.into_iter().map(|found| found.map(|found| found.user.id)).collect();
    assert_eq!(users, [Some(anna.id), Some(anna.id), None, Some(anna.id)]);
    db.delete_user(anna.id, by_system(9)).await.unwrap();
    assert_eq!(session_user(db.store(), plain, at(10)).await, None);
}

pub async fn a_revoked_key_is_gone_and_the_log_says_so_once(db: &Db) {
    let (anna, stamp) = admin(db).await;
    let (revoked, secret) = key(&anna, 1, &Scope::ALL);
    let (other, other_secret) = key(&anna, 2, &Scope::ALL);
    db.insert_api_key(&revoked, secret, stamp).await.unwrap();
    db.insert_api_key(&other, other_secret, stamp).await.unwrap();
    assert_eq!(db.delete_api_key(revoked.id, stamp).await.unwrap(), revoked);
    assert_eq!(refusal(db.delete_api_key(revoked.id, stamp).await), Refusal::NotFound);
    assert_eq!(db.api_key_by_secret(secret).await.unwrap(), None);
    assert_eq!(session_user(db.store(), revoked.id.as_session(), at(6)).await, None);
    assert_eq!(all(db).await, [other]);
    let ended = EndedRights::Sessions(vec![revoked.id.as_session()]);
    assert_eq!(ended_rights(db).await, [RightsChange { user: anna.id, ended }.into()]);
}

/// Neither sessions that end nor a new password end keys.
pub async fn keys_stay_when_the_sessions_of_their_creator_end(db: &Db) {
    let (anna, stamp) = admin(db).await;
    let (kept, secret) = key(&anna, 1, &Scope::ALL);
    db.insert_api_key(&kept, secret, stamp).await.unwrap();
    db.end_sessions_of(anna.id, by_system(7)).await.unwrap();
    db.set_password(anna.id, "hash", None, by_system(8)).await.unwrap();
    assert_eq!(session_user(db.store(), kept.id.as_session(), at(9)).await.map(|user| user.id), Some(anna.id));
}

pub async fn only_who_is_still_an_admin_makes_and_revokes_keys(db: &Db) {
    let (anna, stamp) = admin(db).await;
    let (first, first_secret) = key(&anna, 1, &[Scope::ReadTasks]);
    db.insert_api_key(&first, first_secret, stamp).await.unwrap();
    let (second, second_secret) = key(&anna, 2, &[Scope::ReadTasks]);
    let try_both = async |stamp: Stamp| {
        let inserted = refusal(db.insert_api_key(&second, second_secret, stamp).await);
        assert_eq!(refusal(db.delete_api_key(first.id, stamp).await), inserted);
        inserted
    };
    let ended = Stamp { permission: Permission::Staff(session(&anna, 2).id), ..stamp };
    assert_eq!(try_both(ended).await, Refusal::SessionEnded);
    let staff = UserChanges { role: Some(UserRole::Staff), ..UserChanges::default() };
    db.update_user(anna.id, staff, None, by_system(6)).await.unwrap();
    assert_eq!(try_both(stamp).await, Refusal::RightLost);
    assert_eq!(all(db).await, std::slice::from_ref(&first));
}

pub async fn a_key_changes_what_staff_change_until_it_is_revoked(db: &Db) {
    let (anna, admin) = admin(db).await;
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let work = task("work");
    db.insert_task(work.clone(), by_system(1)).await.unwrap();
    let order = place(db.store(), "1", &[(&lamp, 1)]).await.unwrap().order;
    let (machine, secret) = key(&anna, 1, &Scope::ALL);
    let stamp = stamp_of(&machine);
    let dearer = |units| ProductChanges { price: Some(Decimal::from_units(units)), ..ProductChanges::default() };
    let titled = |title: &str| TaskChanges { title: Some(title.to_owned()), ..TaskChanges::default() };
    let placed = async |number: &str| {
        let order = NewOrder { customer: anna.id, ..new_order(number, &[(&lamp, 1)]) };
        db.place_order(order, Idempotency { user: anna.id, ..idempotency(number) }, stamp).await
    };
    let before = whole_log(db.store()).await;
    assert_eq!(refusal(placed("2").await), Refusal::SessionEnded, "before it is made");

    db.insert_api_key(&machine, secret, admin).await.unwrap();
    assert_eq!(placed("2").await.unwrap().order.customer, anna.id);
    db.update_product(lamp.id, dearer(10), None, stamp).await.unwrap();
    db.adjust_stock(adjustment(&lamp, 1), stamp).await.unwrap();
    db.change_order_status(step(order.id, OrderStatus::Confirmed), stamp).await.unwrap();
    db.update_task(work.id, titled("more"), None, stamp).await.unwrap();
    let log = whole_log(db.store()).await;
    let actors: Vec<_> = log[before.len()..].iter().map(|event| event.actor).collect();
    assert!(actors.len() >= 5 && actors.iter().all(|actor| *actor == Some(anna.id)), "{actors:?}");

    db.delete_api_key(machine.id, admin).await.unwrap();
    let log = whole_log(db.store()).await;
    let refusals = [
        refusal(placed("3").await),
        refusal(db.update_product(lamp.id, dearer(20), None, stamp).await),
        refusal(db.adjust_stock(adjustment(&lamp, 1), stamp).await),
        refusal(db.change_order_status(step(order.id, OrderStatus::Shipped), stamp).await),
        refusal(db.insert_task(task("new"), stamp).await),
        refusal(db.update_task(work.id, titled("most"), None, stamp).await),
        refusal(db.delete_task(work.id, stamp).await),
    ];
    assert!(refusals.iter().all(|refusal| *refusal == Refusal::SessionEnded), "{refusals:?}");
    assert_eq!(whole_log(db.store()).await, log);
}

pub async fn the_use_of_a_key_is_noted_once_in_a_while(db: &Db) {
    let (anna, stamp) = admin(db).await;
    let (machine, secret) = key(&anna, 1, &Scope::ALL);
    db.insert_api_key(&machine, secret, stamp).await.unwrap();
    for (used, noted) in [(100, 100), (159, 100), (160, 160), (150, 160)] {
        db.note_api_key_use(machine.id, at(used), MINUTE).await.unwrap();
        assert_eq!(all(db).await, [ApiKey { last_used_at: Some(at(noted)), ..machine.clone() }], "{used}");
    }
    db.delete_api_key(machine.id, stamp).await.unwrap();
    db.note_api_key_use(machine.id, at(300), MINUTE).await.unwrap();
    assert_eq!(all(db).await, []);
}

pub async fn there_are_no_more_keys_than_the_limit(db: &Db) {
    let (anna, stamp) = admin(db).await;
    let numbered = |number: usize| {
        let (one, _) = key(&anna, 1, &[Scope::ReadUsers]);
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&number.to_be_bytes());
        (ApiKey { id: ApiKeyId::derived(at(1), "many", &number.to_string()), ..one }, secret)
    };
    let insert = async |number| {
        let (key, secret) = numbered(number);
        // By Orderwire itself: changes by one admin wait for each other.
        db.insert_api_key(&key, secret, by_system(5)).await.unwrap();
    };
    for first in (0..ApiKey::MAX).step_by(20) {
        join_all((first..first + 20).map(insert)).await;
    }
    let (key, secret) = numbered(ApiKey::MAX);
    assert_eq!(refusal(db.insert_api_key(&key, secret, stamp).await), Refusal::TooManyApiKeys);
    assert_eq!(db.api_keys().await.unwrap().len(), ApiKey::MAX);
}
