//! Sessions: one refresh token is valid at a time, a used one gives its successor again for a moment and then ends its
//! session, and a session opens only with the credentials that were checked.

use orderwire::{
    domain::*,
    storage::{Rotation, Session, SessionUser},
};

use super::engine::{Db, refusal};
use crate::support::data::{at, by_system, presented, session, session_user, user};

/// A user with a session that lasts an hour.
async fn signed_in(db: &Db) -> (User, Session) {
    let anna = user("anna");
    db.insert_user(&anna, Some("hash")).await.unwrap();
    let session = session(&anna, 1);
    db.insert_session(&session, Some("hash")).await.unwrap();
    (anna, session)
}

pub async fn sessions_last_until_they_expire_or_end(db: &Db) {
    let (anna, first) = signed_in(db).await;
    let second = session(&anna, 2);
    db.insert_session(&second, Some("hash")).await.unwrap();
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
        db.insert_session(session, None).await.unwrap();
    }
    db.delete_user(gone.id, by_system(1)).await.unwrap();
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
    db.insert_session(&second, Some("hash")).await.unwrap();
    db.insert_session(&other, None).await.unwrap();
    db.end_sessions_of(anna.id, by_system(1)).await.unwrap();
    assert_eq!(session_user(db.store(), first.id, at(0)).await, None);
    assert_eq!(session_user(db.store(), second.id, at(0)).await, None);
    assert_eq!(session_user(db.store(), other.id, at(0)).await, Some(bert));
}

pub async fn a_new_password_ends_the_sessions(db: &Db) {
    let (anna, session) = signed_in(db).await;
    db.set_password(anna.id, "new hash", None, by_system(1)).await.unwrap();
    assert_eq!(session_user(db.store(), session.id, at(2)).await, None);
    let rotation = db.rotate_session(session.id, presented(&session, 1, 2), at(99), at(2)).await.unwrap();
    assert_eq!(rotation, Rotation::Unknown);
}

/// A new role shows at once.
pub async fn sessions_show_the_user_as_they_are_now(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let promote = UserChanges { role: Some(UserRole::Staff), ..UserChanges::default() };
    let changed = db.update_user(anna.id, promote, None, by_system(1)).await.unwrap();
    assert_eq!(session_user(db.store(), session.id, at(2)).await, Some(changed.clone()));
    let rotation = db.rotate_session(session.id, presented(&session, 1, 2), at(99), at(2)).await.unwrap();
    assert_eq!(rotation, Rotation::Rotated(changed, [2; 16]));
}

pub async fn a_used_refresh_token_ends_its_session(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let rotate = async |token: u8, next: u8, expires: i64, now: i64| {
        db.rotate_session(session.id, presented(&session, token, next), at(expires), at(now)).await.unwrap()
    };
    assert_eq!(rotate(1, 2, 7200, 10).await, Rotation::Rotated(anna.clone(), [2; 16]));
    assert_eq!(session_user(db.store(), session.id, at(7199)).await, Some(anna.clone()), "lives longer now");
    assert_eq!(rotate(2, 3, 9000, 7200).await, Rotation::Unknown, "expired");
    assert_eq!(rotate(2, 3, 9000, 20).await, Rotation::Rotated(anna.clone(), [3; 16]));
    assert_eq!(rotate(2, 4, 9000, 30).await, Rotation::Reused, "used 10 s before");
    assert_eq!(rotate(3, 4, 9000, 30).await, Rotation::Unknown, "and its family has ended");
    assert_eq!(session_user(db.store(), session.id, at(30)).await, None);
    let missing = crate::support::data::session(&anna, 77);
    let rotation = db.rotate_session(missing.id, presented(&missing, 1, 2), at(99), at(1)).await.unwrap();
    assert_eq!(rotation, Rotation::Unknown);
}

pub async fn a_refresh_token_gives_its_successor_again_for_a_moment(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let rotate = async |token: u8, next: u8, now: i64| {
        db.rotate_session(session.id, presented(&session, token, next), at(7200), at(now)).await.unwrap()
    };
    for (next, now) in [(2, 10), (3, 11), (4, 19)] {
        assert_eq!(rotate(1, next, now).await, Rotation::Rotated(anna.clone(), [2; 16]), "at {now}");
    }
    assert_eq!(rotate(2, 5, 19).await, Rotation::Rotated(anna.clone(), [5; 16]));
    assert_eq!(rotate(1, 6, 19).await, Rotation::Reused, "its successor was used");
}

/// Who knows the id of a session alone can't end it: only a token that was issued in it can.
pub async fn a_token_that_was_never_issued_changes_nothing(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let invented = Session { family: [200; 32], ..session.clone() };
    for _ in 0..2 {
        for token in [0, 1, 2, 255] {
            let presented = PresentedToken { token: [token; 32].map(|byte| byte ^ 64), ..presented(&invented, 0, 9) };
            let rotation = db.rotate_session(session.id, presented, at(99), at(1)).await.unwrap();
            assert_eq!(rotation, Rotation::Unknown);
        }
        assert_eq!(session_user(db.store(), session.id, at(1)).await, Some(anna.clone()));
        let rotation = db.rotate_session(session.id, presented(&session, 1, 2), at(3600), at(1)).await.unwrap();
        assert_eq!(rotation, Rotation::Rotated(anna.clone(), [2; 16]));
    }
}

/// Eight callers present the same token, like tabs that refresh at the same moment.
pub async fn racing_rotations_get_the_same_successor(db: &Db) {
    let (anna, session) = signed_in(db).await;
    let racers: Vec<_> = (2..10)
        .map(|next| {
            let (store, session) = (db.shared(), session.clone());
            tokio::spawn(async move {
                store.rotate_session(session.id, presented(&session, 1, next), at(99), at(1)).await.unwrap()
            })
        })
        .collect();
    let mut successors = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            Rotation::Rotated(user, salt) => {
                assert_eq!(user, anna);
                successors.push(salt);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(successors, [successors[0]; 8]);
    let current = PresentedToken { token: [successors[0][0]; 32], ..presented(&session, 0, 20) };
    let rotation = db.rotate_session(session.id, current, at(99), at(2)).await.unwrap();
    assert_eq!(rotation, Rotation::Rotated(anna, [20; 16]), "the successor is current");
}

/// The credentials were checked, and have changed before the session opens.
pub async fn a_session_opens_only_with_the_credentials_that_were_checked(db: &Db) {
    let (anna, _) = signed_in(db).await;
    let (changed, gone) = (session(&anna, 2), user("gone"));
    db.set_password(anna.id, "new hash", None, by_system(1)).await.unwrap();
    db.insert_user(&gone, Some("hash")).await.unwrap();
    db.delete_user(gone.id, by_system(1)).await.unwrap();
    let missing = session(&user("missing"), 4);
    for (late, verified) in [
        (&changed, Some("hash")),
        (&changed, None),
        (&session(&gone, 3), Some("hash")),
        (&session(&gone, 3), None),
        (&missing, None),
    ] {
        assert_eq!(refusal(db.insert_session(late, verified).await), Refusal::CredentialsChanged);
        assert_eq!(session_user(db.store(), late.id, at(2)).await, None);
    }
    db.insert_session(&changed, Some("new hash")).await.unwrap();
    let rename = UserChanges { name: Some("Anna B".into()), ..UserChanges::default() };
    db.update_user(anna.id, rename, None, by_system(2)).await.unwrap();
    db.insert_session(&session(&anna, 5), Some("new hash")).await.expect("a new name changes no credentials");
    let credentials = db.credentials_by_id(anna.id).await.unwrap().unwrap();
    assert_eq!((credentials.user.version, credentials.password_hash.as_deref()), (3, Some("new hash")));
}

/// Sign-ins that were checked with the old password race with the change of the password.
pub async fn no_session_of_the_old_password_survives_a_new_one(db: &Db) {
    for round in 0..12 {
        let anna = user(&format!("anna {round}"));
        db.insert_user(&anna, Some("old")).await.unwrap();
        let sign_ins: Vec<_> = (1..5)
            .map(|token| {
                let (store, session) = (db.shared(), session(&anna, token));
                tokio::spawn(async move { store.insert_session(&session, Some("old")).await })
            })
            .collect();
        let store = db.shared();
        let change = tokio::spawn(async move { store.set_password(anna.id, "new", Some("old"), by_system(1)).await });
        for sign_in in sign_ins {
            // Refused after the change, and ended by it before.
            let _ = sign_in.await.unwrap();
        }
        change.await.unwrap().unwrap();
        for token in 1..5 {
            assert_eq!(session_user(db.store(), session(&user(&format!("anna {round}")), token).id, at(2)).await, None);
        }
    }
}

/// Two changes were allowed because of the same password.
pub async fn a_password_that_was_checked_changes_once(db: &Db) {
    let (anna, _) = signed_in(db).await;
    db.set_password(anna.id, "first", Some("hash"), by_system(1)).await.unwrap();
    let second = db.set_password(anna.id, "second", Some("hash"), by_system(1)).await;
    assert_eq!(refusal(second), Refusal::CredentialsChanged);
    let credentials = db.credentials_by_id(anna.id).await.unwrap().unwrap();
    assert_eq!((credentials.user.version, credentials.password_hash.as_deref()), (2, Some("first")));
}
