//! Sessions: one refresh token is valid at a time, and a token that is used twice ends its session.

use orderwire::{
    domain::*,
    storage::{Rotation, Session, SessionUser},
};

use super::engine::Db;
use crate::support::data::{NOW, at, session, session_user, user};

/// A user with a session that lasts an hour.
async fn signed_in(db: &Db) -> (User, Session) {
    let anna = user("anna");
    db.insert_user(&anna, Some("hash")).await.unwrap();
    let session = session(&anna, 1);
    db.insert_session(&session).await.unwrap();
    (anna, session)
}

pub async fn sessions_last_until_they_expire_or_end(db: &Db) {
    let (anna, first) = signed_in(db).await;
    let second = session(&anna, 2);
    db.insert_session(&second).await.unwrap();
    let last = Timestamp::from_unix_millis(first.expires_at.unix_millis() - 1);
    assert_eq!(session_user(db.store(), first.id, last).await, Some(anna.clone()));
    assert_eq!(session_user(db.store(), first.id, first.expires_at).await, None, "expired");
    assert_eq!(session_user(db.store(), session(&anna, 9).id, at(0)).await, None, "no such session");
    for _ in 0..2 {
        db.end_session(first.id, at(1)).await.unwrap();
        assert_eq!(session_user(db.store(), first.id, at(0)).await, None);
    }
    assert_eq!(session_user(db.store(), second.id, at(0)).await, Some(anna));
}

pub async fn session_users_are_read_together(db: &Db) {
    let (anna, first) = signed_in(db).await;
    let (bert, gone) = (user("bert"), user("gone"));
    let (second, short) = (session(&bert, 2), Session { expires_at: at(10), ..session(&bert, 3) });
    let (deleted, unknown) = (session(&gone, 4), session(&anna, 9).id);
    for user in [&bert, &gone] {
        db.insert_user(user, None).await.unwrap();
    }
    for session in [&second, &short, &deleted] {
        db.insert_session(session).await.unwrap();
    }
    db.delete_user(gone.id, at(1)).await.unwrap();
    let ids = [second.id, unknown, first.id, short.id, second.id, deleted.id];
    let users = db.session_users(&ids, at(10)).await.unwrap();
    let found =
        |user: &User, session: &Session| Some(SessionUser { user: user.clone(), expires_at: session.expires_at });
    let (anna, bert) = (found(&anna, &first), found(&bert, &second));
    assert_eq!(users, [bert.clone(), None, anna, None, bert, None]);
    assert_eq!(db.session_users(&[], at(10)).await.unwrap(), []);
}

pub async fn ending_the_sessions_of_a_user_leaves_others(db: &Db) {
    let (anna, first) = signed_in(db).await;
    let bert = user("bert");
    db.insert_user(&bert, None).await.unwrap();
    let (second, other) = (session(&anna, 2), session(&bert, 3));
    db.insert_session(&second).await.unwrap();
    db.insert_session(&other).await.unwrap();
    db.end_sessions_of(anna.id, at(1)).await.unwrap();
    assert_eq!(session_user(db.store(), first.id, at(0)).await, None);
    assert_eq!(session_user(db.store(), second.id, at(0)).await, None);
    assert_eq!(session_user(db.store(), other.id, at(0)).await, Some(bert));
}

pub async fn a_new_password_ends_the_sessions(db: &Db) {
    let (anna, session) = signed_in(db).await;
    db.set_password(anna.id, "new hash", at(1)).await.unwrap();
    assert_eq!(session_user(db.store(), session.id, at(2)).await, None);
    let rotation = db.rotate_session(session.id, session.token, [2; 32], at(99), at(2)).await.unwrap();
    assert_eq!(rotation, Rotation::Unknown);
}

/// A new role shows at once.
pub async fn sessions_show_the_user_as_they_are_now(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let promote = UserChanges { role: Some(UserRole::Staff), ..UserChanges::default() };
    let changed = db.update_user(anna.id, promote, None, at(1)).await.unwrap();
    assert_eq!(session_user(db.store(), session.id, at(2)).await, Some(changed.clone()));
    let rotation = db.rotate_session(session.id, session.token, [2; 32], at(99), at(2)).await.unwrap();
    assert_eq!(rotation, Rotation::Rotated(changed));
}

pub async fn a_used_refresh_token_ends_its_session(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let rotate = async |presented: u8, next: u8, expires: i64, now: i64| {
        db.rotate_session(session.id, [presented; 32], [next; 32], at(expires), at(now)).await.unwrap()
    };
    assert_eq!(rotate(1, 2, 7200, 10).await, Rotation::Rotated(anna.clone()));
    assert_eq!(session_user(db.store(), session.id, at(7199)).await, Some(anna.clone()), "lives longer now");
    assert_eq!(rotate(2, 3, 9000, 7200).await, Rotation::Unknown, "expired");
    assert_eq!(rotate(2, 3, 9000, 20).await, Rotation::Rotated(anna.clone()));
    assert_eq!(rotate(2, 4, 9000, 30).await, Rotation::Reused, "used before");
    assert_eq!(rotate(3, 4, 9000, 30).await, Rotation::Unknown, "and its family has ended");
    assert_eq!(session_user(db.store(), session.id, at(30)).await, None);
    let missing = crate::support::data::session(&anna, 77).id;
    assert_eq!(db.rotate_session(missing, [1; 32], [2; 32], at(99), at(1)).await.unwrap(), Rotation::Unknown);
}

/// Eight callers present the same token: one gets the next token, then the session ends.
pub async fn of_racing_rotations_one_succeeds(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let racers: Vec<_> = (2..10)
        .map(|next| {
            let (store, session) = (db.shared(), session.clone());
            tokio::spawn(async move {
                store.rotate_session(session.id, session.token, [next; 32], at(99), at(1)).await.unwrap()
            })
        })
        .collect();
    let (mut rotated, mut reused) = (0, 0);
    for racer in racers {
        match racer.await.unwrap() {
            Rotation::Rotated(user) => {
                assert_eq!(user, anna);
                rotated += 1;
            }
            Rotation::Reused => reused += 1,
            Rotation::Unknown => {}
        }
    }
    assert_eq!((rotated, reused), (1, 1), "the first reuse ends the session, later ones find none");
    assert_eq!(session_user(db.store(), session.id, at(1)).await, None);
}

/// A session that began while its user was being deleted is no session, with the right token or a wrong one.
pub async fn a_session_of_a_deleted_user_is_unknown(db: &Db) {
    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    db.delete_user(anna.id, at(1)).await.unwrap();
    for (token, presented) in [(1, [1; 32]), (2, [9; 32])] {
        let late = session(&anna, token);
        db.insert_session(&late).await.unwrap();
        let rotation = db.rotate_session(late.id, presented, [3; 32], at(99), at(2)).await.unwrap();
        assert_eq!(rotation, Rotation::Unknown, "token {token}");
    }
    assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap()[0].as_ref().map(|user| user.created_at), Some(NOW));
}
