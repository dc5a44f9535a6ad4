//! Deleted users, and the credentials for signing in.

use orderwire::{domain::*, storage::StoreError};

use super::engine::{Db, refusal};
use crate::support::data::{at, session, session_user, user};

async fn refused_as_missing(db: &Db, id: UserId) {
    let refused = db.delete_user(id, at(20)).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    let refused = db.update_user(id, UserChanges::default(), None, at(20)).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    let refused = db.set_password(id, "hash", at(20)).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    assert_eq!(db.credentials_by_id(id).await.unwrap(), None);
}

pub async fn a_deleted_user_is_anonymous(db: &Db) {
    let anna = User { role: UserRole::Admin, region: Some("France".into()), ..user("anna") };
    db.insert_user(&anna, Some("hash")).await.unwrap();
    db.insert_user(&user("bert"), Some("hash")).await.unwrap();
    let signed_in = session(&anna, 1);
    db.insert_session(&signed_in).await.unwrap();

    let gone = db.delete_user(anna.id, at(10)).await.unwrap();
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
            db.delete_user(anna.id, at(1)).await.unwrap();
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

    let changed = db.set_password(bert.id, "hash 2", at(1)).await.unwrap();
    let credentials = db.credentials_by_email("bert@example.com").await.unwrap().unwrap();
    assert_eq!((credentials.user, credentials.password_hash.as_deref()), (changed, Some("hash 2")));
    let rename = UserChanges { name: Some("Berta".into()), ..UserChanges::default() };
    db.update_user(bert.id, rename, None, at(2)).await.unwrap();
    assert_eq!(db.credentials_by_id(bert.id).await.unwrap().unwrap().password_hash.as_deref(), Some("hash 2"));
}

pub async fn racing_deletions_of_a_user_succeed_once(db: &Db) {
    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    let racers: Vec<_> = (0..6)
        .map(|_| {
            let (store, id) = (db.shared(), anna.id);
            tokio::spawn(async move { store.delete_user(id, at(1)).await })
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
