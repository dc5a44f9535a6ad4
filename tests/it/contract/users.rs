//! Deleted users, and the credentials for signing in.

use orderwire::{domain::*, storage::StoreError};

use super::engine::{Db, refusal};
use crate::support::data::{at, by_system, session, session_user, stamp_by, user};

async fn refused_as_missing(db: &Db, id: UserId) {
    let refused = db.delete_user(id, by_system(20)).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    let refused = db.update_user(id, UserChanges::default(), None, by_system(20)).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    let refused = db.set_password(id, "hash", None, by_system(20)).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    assert_eq!(db.credentials_by_id(id).await.unwrap(), None);
}

pub async fn a_deleted_user_is_anonymous(db: &Db) {
    let anna = User { role: UserRole::Admin, region: Some("France".into()), ..user("anna") };
    db.insert_user(&anna, Some("hash")).await.unwrap();
    db.insert_user(&user("bert"), Some("hash")).await.unwrap();
    let signed_in = session(&anna, 1);
    db.insert_session(&signed_in, Some("hash")).await.unwrap();

    let gone = db.delete_user(anna.id, by_system(10)).await.unwrap();
    let anonymous = User {
        email: None,
        name: "Deleted user".into(),
        role: UserRole::Customer,
        region: None,
        deleted_at: Some(at(10)),
        version: 2,
        updated_at: at(10),
        ..anna.clone()
    };
    assert_eq!(gone, anonymous);
    assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(gone.clone())], "found by id");
    assert_eq!(db.users_by_emails(&["anna@example.com".into()]).await.unwrap(), [None]);
    assert_eq!(db.credentials_by_email("anna@example.com").await.unwrap(), None);
    assert_eq!(session_user(db.store(), signed_in.id, at(11)).await, None);
    refused_as_missing(db, anna.id).await;

    let all = UserFilter::default();
    let deleted = UserFilter { search: SearchTerms::parse("Deleted").ok(), ..all.clone() };
    let admins = UserFilter { role: Some(UserRole::Admin), ..all.clone() };
    let customers = UserFilter { role: Some(UserRole::Customer), ..all.clone() };
    assert_eq!(db.count_users(&[all.clone(), deleted, admins, customers]).await.unwrap(), [1, 0, 0, 1]);
    let sort = Sort { field: UserSort::Name, direction: Direction::Asc };
    let page = db.list_users(&[ListQuery { filter: all, sort, slice: Slice::first(9), fields: () }]).await.unwrap();
    assert_eq!(page[0].edges.iter().map(|edge| edge.node.name.as_str()).collect::<Vec<_>>(), ["bert"]);
}

/// Two users have the same address one after the other, and both are deleted.
pub async fn a_deleted_user_leaves_the_address_free(db: &Db) {
    for name in ["first", "second", "third"] {
        let anna = User { email: Some("anna@example.com".into()), ..user(name) };
        db.insert_user(&anna, None).await.expect("the address is free again");
        if name != "third" {
            db.delete_user(anna.id, by_system(1)).await.unwrap();
        }
    }
    assert_eq!(db.count_users(&[UserFilter::default()]).await.unwrap(), [1]);
}

pub async fn credentials_follow_the_password(db: &Db) {
    let (anna, bert) = (user("anna"), user("bert"));
    db.insert_user(&anna, Some("hash 1")).await.unwrap();
    db.insert_user(&bert, None).await.unwrap();
    let credentials = db.credentials_by_email("anna@example.com").await.unwrap().unwrap();
    assert_eq!((&credentials.user, credentials.password_hash.as_deref()), (&anna, Some("hash 1")));
    assert_eq!(db.credentials_by_id(anna.id).await.unwrap(), Some(credentials));
    assert_eq!(db.credentials_by_id(bert.id).await.unwrap().unwrap().password_hash, None);
    assert_eq!(db.credentials_by_id(user("missing").id).await.unwrap(), None);
    assert_eq!(db.credentials_by_email("missing@example.com").await.unwrap(), None);

    let changed = db.set_password(bert.id, "hash 2", None, by_system(1)).await.unwrap();
    let credentials = db.credentials_by_email("bert@example.com").await.unwrap().unwrap();
    assert_eq!((credentials.user, credentials.password_hash.as_deref()), (changed, Some("hash 2")));
    let rename = UserChanges { name: Some("Berta".into()), ..UserChanges::default() };
    db.update_user(bert.id, rename, None, by_system(2)).await.unwrap();
    assert_eq!(db.credentials_by_id(bert.id).await.unwrap().unwrap().password_hash.as_deref(), Some("hash 2"));
}

pub async fn racing_deletions_of_a_user_succeed_once(db: &Db) {
    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    let racers: Vec<_> = (0..6)
        .map(|_| {
            let (store, id) = (db.shared(), anna.id);
            tokio::spawn(async move { store.delete_user(id, by_system(1)).await })
        })
        .collect();
    let mut deleted = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => deleted += 1,
            Err(StoreError::Refused(Refusal::NotFound)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(deleted, 1);
}

fn role(role: UserRole) -> UserChanges {
    UserChanges { role: Some(role), ..UserChanges::default() }
}

/// The right of the actor is checked in the step that writes.
pub async fn only_an_admin_changes_another_user(db: &Db) {
    let admin = User { role: UserRole::Admin, ..user("admin") };
    let (staff, bert) = (User { role: UserRole::Staff, ..user("staff") }, user("bert"));
    for user in [&admin, &staff, &bert] {
        db.insert_user(user, None).await.unwrap();
    }
    db.update_user(bert.id, role(UserRole::Staff), None, stamp_by(admin.id, 1)).await.unwrap();
    let deleted = User { role: UserRole::Admin, ..user("deleted") };
    db.insert_user(&deleted, None).await.unwrap();
    db.delete_user(deleted.id, stamp_by(admin.id, 2)).await.unwrap();
    let before = db.users_by_ids(&[bert.id]).await.unwrap();
    for actor in [staff.id, bert.id, deleted.id, user("missing").id] {
        let other = if actor == bert.id { admin.id } else { bert.id };
        let refused = db.update_user(other, role(UserRole::Admin), None, stamp_by(actor, 3)).await;
        assert_eq!(refusal(refused), Refusal::RightLost);
        assert_eq!(refusal(db.delete_user(other, stamp_by(actor, 3)).await), Refusal::RightLost);
    }
    assert_eq!(db.users_by_ids(&[bert.id]).await.unwrap(), before);
    let rename = UserChanges { name: Some("Berta".into()), ..UserChanges::default() };
    db.update_user(bert.id, rename, None, stamp_by(bert.id, 4)).await.expect("everybody changes themselves");
}

/// Three admins take each other's role away, or delete each other, in a circle.
pub async fn of_admins_who_demote_each_other_one_remains(db: &Db) {
    for round in 0..10 {
        let admins = ["a", "b", "c"].map(|name| User { role: UserRole::Admin, ..user(&format!("{name}{round}")) });
        for admin in &admins {
            db.insert_user(admin, None).await.unwrap();
        }
        let ids = admins.map(|admin| admin.id);
        let attacks: Vec<_> = (0..3)
            .map(|place| {
                let (store, actor, target) = (db.shared(), stamp_by(ids[place], 1), ids[(place + 1) % 3]);
                tokio::spawn(async move {
                    if place == 0 {
                        store.delete_user(target, actor).await
                    } else {
                        store.update_user(target, role(UserRole::Customer), None, actor).await
                    }
                })
            })
            .collect();
        for attack in attacks {
            match attack.await.unwrap() {
                Ok(_) | Err(StoreError::Refused(Refusal::RightLost | Refusal::NotFound)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let left = db.users_by_ids(&ids).await.unwrap();
        let admins = left.iter().flatten().filter(|user| user.role == UserRole::Admin).count();
        assert!(admins >= 1, "round {round}: {left:?}");
    }
}
