//! A node ends its open connections when the rights that they were opened with end, and asks the store only for those
//! that are new.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, future::join_all, stream};
use orderwire::{
    domain::{Clock, SessionId, Stamp, SystemClock, Timestamp, User, UserChanges, UserRole, Viewer},
    service::SignIn,
    storage::{Credentials, Session, Store},
};
use tokio::{task::JoinHandle, time::timeout};

use super::engine::Db;
use crate::support::{
    api::{PASSWORD, TestApi},
    data::presented,
    stopwatch::Stopwatch,
    wait_until,
};

/// The promised time within which a connection ends after its rights.
const PROMISE: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(60);

/// A user of the node, signed in.
async fn sign_in(node: &TestApi, name: &str) -> SignIn {
    node.new_user(name, UserRole::Customer).await;
    sign_in_again(node, name).await
}

async fn sign_in_again(node: &TestApi, name: &str) -> SignIn {
    node.service.login(&format!("{name}@example.com"), PASSWORD.to_owned(), None).await.unwrap()
}

/// A connection of the node that was opened with the viewer's rights. The task ends when they do.
fn connect(node: &TestApi, viewer: Viewer) -> JoinHandle<()> {
    let service = Arc::clone(&node.service);
    tokio::spawn(async move { service.rights_ended(&viewer).await })
}

/// How often sessions were asked for since the last call of this function.
fn checks(node: &TestApi) -> u64 {
    node.all_storage_calls().get("session_users").copied().unwrap_or(0)
}

/// Waits until the node has compared all its connections with the store, and returns how often it asked for sessions.
async fn settled(node: &TestApi) -> u64 {
    let mut calls = 0;
    wait_until("all connections are checked", DEADLINE, async || {
        // That no check is under way shows only in that none comes for a while.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let since = checks(node);
        calls += since;
        since == 0
    })
    .await;
    calls
}

/// The node still remembers the rights when the entry that ends them comes, and the connection is added after it.
pub async fn a_connection_that_is_opened_with_remembered_rights_ends(db: &Db) {
    let node = TestApi::over(db.shared()).await;
    for number in 0..5 {
        let SignIn { access, session, user, .. } = sign_in(&node, &format!("anna{number}")).await;
        let viewer = node.authenticate(&access.token).await.unwrap();
        assert_eq!(viewer, Viewer::User { id: user.id, role: user.role, session });
        let head = node.service.head();
        db.end_session(session, SystemClock.now()).await.unwrap();
        wait_until("the node has the entry", DEADLINE, async || node.service.head() != head).await;
        let ended = Stopwatch::start();
        timeout(DEADLINE, node.service.rights_ended(&viewer)).await.expect("the connection should end");
        assert!(ended.elapsed() < PROMISE, "{:?}", ended.elapsed());
    }
}

/// Connections are opened while their sessions end.
pub async fn connections_that_are_opened_while_their_sessions_end_do_not_survive(db: &Db) {
    let node = TestApi::over(db.shared()).await;
    let viewers = insert_sessions(db.store(), &new_users(&node, 8).await, 100).await;
    let ends = viewers.iter().map(|(session, _)| {
        let (store, session) = (db.shared(), *session);
        async move { store.end_session(session, SystemClock.now()).await.unwrap() }
    });
    let ends = tokio::spawn(stream::iter(ends.collect::<Vec<_>>()).buffer_unordered(8).collect::<()>());
    let mut open = Vec::new();
    for (_, viewer) in &viewers {
        open.push(connect(&node, *viewer));
        // Paced, so that connections are opened for as long as sessions end.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ends.await.unwrap();
    let ended = Stopwatch::start();
    timeout(DEADLINE, join_all(open)).await.expect("all connections should end");
    assert!(ended.elapsed() < PROMISE, "{:?}", ended.elapsed());
}

/// Inserts sessions that last a day, of these users in turn. Returns each with its viewer.
async fn insert_sessions(store: &dyn Store, users: &[User], count: usize) -> Vec<(SessionId, Viewer)> {
    let now = SystemClock.now();
    let credentials = users.iter().map(async |user| store.credentials_by_id(user.id).await.unwrap().unwrap());
    let credentials = join_all(credentials).await;
    let insert = |number: usize| {
        let Credentials { user, password_hash } = &credentials[number % users.len()];
        async move {
            let session = new_session(user, now.plus(Duration::from_secs(86_400)));
            store.insert_session(&session, password_hash.as_deref()).await.unwrap();
            (session.id, Viewer::User { id: user.id, role: user.role, session: session.id })
        }
    };
    stream::iter(0..count).map(insert).buffer_unordered(8).collect().await
}

fn new_session(user: &User, expires_at: Timestamp) -> Session {
    let now = SystemClock.now();
    let (family, token) = ([1; 32], [1; 32]);
    Session { id: SessionId::generate(now), user: user.id, family, token, created_at: now, expires_at }
}

/// Users of the node.
async fn new_users(node: &TestApi, count: usize) -> Vec<User> {
    let create = (0..count).map(async |number| node.new_user(&format!("user{number}"), UserRole::Customer).await);
    join_all(create).await
}

pub async fn nobody_asks_for_sessions_while_nothing_happens(db: &Db) {
    const OBSERVED_FOR: Duration = Duration::from_secs(2);
    let node = TestApi::over(db.shared()).await;
    let users = new_users(&node, 8).await;
    let viewers = insert_sessions(db.store(), &users, 600).await;
    let open: Vec<_> = viewers.into_iter().map(|(_, viewer)| connect(&node, viewer)).collect();
    settled(&node).await;
    // What is tested is that nothing happens.
    tokio::time::sleep(OBSERVED_FOR).await;
    // Nothing but the feed, which reads the log of the node once for everybody.
    let (calls, names) = node.storage_calls();
    assert_eq!(calls, 0, "{names}");
    for user in users {
        db.end_sessions_of(user.id, Stamp::system(SystemClock.now())).await.unwrap();
    }
    timeout(PROMISE, join_all(open)).await.expect("all connections should end in time");
    assert_eq!(checks(&node), 0, "the entry says enough");
}

pub async fn many_connections_end_in_time_by_their_entries(db: &Db) {
    connections_end_in_time(db, 600).await;
}

/// Opens connections with sessions of their own. They belong to some users, whose sessions end on another node that has no
/// bus in common.
pub async fn connections_end_in_time(db: &Db, count: usize) {
    let node = TestApi::over(db.shared()).await;
    let (users, bystander) = (new_users(&node, 8).await, sign_in(&node, "bystander").await);
    let viewers = insert_sessions(db.store(), &users, count).await;
    node.all_storage_calls();
    let opened = std::time::Instant::now();
    let bystander = connect(&node, bystander.viewer());
    let open: Vec<_> = viewers.into_iter().map(|(_, viewer)| connect(&node, viewer)).collect();
    let calls = settled(&node).await;
    let rounds = opened.elapsed().as_millis() as u64 / 50 + 1;
    let most = count as u64 / 500 + rounds;
    assert!((1..=most).contains(&calls), "{calls} calls, {most} allowed");

    let other = db.other_node().await;
    for user in users {
        other.end_sessions_of(user.id, Stamp::system(SystemClock.now())).await.unwrap();
    }
    let ended = Stopwatch::start();
    timeout(DEADLINE, join_all(open)).await.expect("all connections should end");
    assert!(ended.elapsed() < PROMISE, "{:?}", ended.elapsed());
    assert_eq!(checks(&node), 0, "the entry says enough");
    assert!(!bystander.is_finished(), "another user's connection stays");
    other.close().await;
}

/// The user is back on this node before it hears that all sessions have ended on another one.
pub async fn a_session_that_began_after_the_end_of_all_others_stays(db: &Db) {
    let node = TestApi::over(db.shared()).await;
    let before = sign_in(&node, "anna").await;
    let closed = connect(&node, before.viewer());
    settled(&node).await;
    let other = db.other_node().await;
    other.end_sessions_of(before.user.id, Stamp::system(SystemClock.now())).await.unwrap();
    let after = sign_in_again(&node, "anna").await;
    let stays = connect(&node, after.viewer());
    timeout(PROMISE, closed).await.expect("the connection should end in time").unwrap();
    settled(&node).await;
    assert!(!stays.is_finished());
    other.close().await;
}

pub async fn a_connection_ends_when_its_session_expires_unless_it_was_refreshed(db: &Db) {
    let node = TestApi::over(db.shared()).await;
    let SignIn { user, .. } = sign_in(&node, "anna").await;
    let hash = db.credentials_by_id(user.id).await.unwrap().unwrap().password_hash;
    let soon = SystemClock.now().plus(Duration::from_secs(2));
    let [expires, refreshed] = [0; 2].map(|_| new_session(&user, soon));
    for session in [&expires, &refreshed] {
        db.insert_session(session, hash.as_deref()).await.unwrap();
    }
    let viewer = |session: &Session| Viewer::User { id: user.id, role: user.role, session: session.id };
    let mut open = [&expires, &refreshed].map(|session| connect(&node, viewer(session)));
    settled(&node).await;
    assert!(open.iter_mut().all(|connection| connection.now_or_never().is_none()), "both last for now");
    let day = SystemClock.now().plus(Duration::from_secs(86_400));
    db.rotate_session(refreshed.id, presented(&refreshed, 1, 3), day, SystemClock.now()).await.unwrap();
    let [expires, refreshed] = open;
    timeout(Duration::from_secs(2) + PROMISE, expires).await.expect("the connection should end").unwrap();
    settled(&node).await;
    assert!(!refreshed.is_finished(), "the session was refreshed");
}

/// The connections of another role end, also if the role is back before the node hears of it.
pub async fn connections_of_another_role_end(db: &Db) {
    let node = TestApi::over(db.shared()).await;
    let anna = sign_in(&node, "anna").await;
    let other = sign_in_again(&node, "anna").await;
    let viewers = [anna.viewer(), other.viewer()];
    let open = viewers.map(|viewer| connect(&node, viewer));
    settled(&node).await;
    for role in [UserRole::Staff, UserRole::Customer] {
        let changes = UserChanges { role: Some(role), ..UserChanges::default() };
        db.update_user(anna.user.id, changes, None, Stamp::system(SystemClock.now())).await.unwrap();
    }
    for connection in open {
        timeout(PROMISE, connection).await.expect("the connection should end in time").unwrap();
    }
    let again = viewers.map(|viewer| connect(&node, viewer));
    settled(&node).await;
    assert!(again.iter().all(|connection| !connection.is_finished()), "they have the role that the user has now");
}
