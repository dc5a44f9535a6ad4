//! What ends rights appends one entry to the log, in the same step, which no client finds.

use orderwire::domain::*;

use super::engine::{Db, refusal};
use crate::support::data::{
    adjustment, at, buyer, by_system, insert_products, place, presented, product, session, stamp, task, user, whole_log,
};

fn role(role: UserRole) -> UserChanges {
    UserChanges { role: Some(role), ..UserChanges::default() }
}

/// The sessions of an entry are in no order.
fn sort_sessions(event: &mut Event) {
    if let Entity::Rights(RightsChange { ended: EndedRights::Sessions(sessions), .. }) = &mut event.entity {
        sessions.sort();
    }
}

pub async fn each_end_of_rights_appends_one_entry_and_other_changes_of_users_do_not(db: &Db) {
    let (anna, bert) = (user("anna"), user("bert"));
    for user in [&anna, &bert] {
        db.insert_user(user, Some("hash")).await.unwrap();
    }
    let [logged_out, reused, third, fourth, fifth, others] =
        [(&anna, 1), (&anna, 2), (&anna, 3), (&anna, 4), (&anna, 5), (&bert, 1)]
            .map(|(user, token)| session(user, token));
    for session in [&logged_out, &reused, &third, &fourth, &others] {
        db.insert_session(session, Some("hash")).await.unwrap();
    }
    for second in [1, 2] {
        db.end_session(logged_out.id, at(second)).await.unwrap();
    }
    db.rotate_session(reused.id, presented(&reused, 2, 9), at(99), at(3)).await.unwrap();
    for second in [4, 5] {
        db.rotate_session(reused.id, presented(&reused, 8, 7), at(99), at(second)).await.unwrap();
    }
    db.update_user(anna.id, role(UserRole::Staff), None, by_system(6)).await.unwrap();
    db.update_user(anna.id, role(UserRole::Staff), None, by_system(7)).await.unwrap();
    let rename = UserChanges { name: Some("Anne".into()), ..UserChanges::default() };
    db.update_user(anna.id, rename, None, by_system(8)).await.unwrap();
    for second in [9, 10] {
        db.set_password(anna.id, "new hash", None, by_system(second)).await.unwrap();
    }
    db.insert_session(&fifth, Some("new hash")).await.unwrap();
    for second in [11, 12] {
        db.end_sessions_of(anna.id, by_system(second)).await.unwrap();
    }
    let refused = db.update_user(anna.id, role(UserRole::Admin), Some(1), by_system(13)).await;
    assert!(matches!(refusal(refused), Refusal::VersionMismatch { .. }));
    let taken = UserChanges { email: Some(bert.email.clone().unwrap()), ..role(UserRole::Admin) };
    assert!(db.update_user(anna.id, taken, None, by_system(14)).await.is_err());
    db.delete_user(anna.id, by_system(15)).await.unwrap();
    assert_eq!(refusal(db.delete_user(anna.id, by_system(16)).await), Refusal::NotFound);

    let mut log = whole_log(db.store()).await;
    log.retain(|event| matches!(event.entity, Entity::Rights(_)));
    log.iter_mut().for_each(sort_sessions);
    let mut both = vec![third.id, fourth.id];
    both.sort();
    let expected = [
        (1, EndedRights::Sessions(vec![logged_out.id])),
        (4, EndedRights::Sessions(vec![reused.id])),
        (6, EndedRights::RolesOtherThan(UserRole::Staff)),
        (9, EndedRights::Sessions(both)),
        (11, EndedRights::Sessions(vec![fifth.id])),
        (15, EndedRights::Everything),
    ];
    let expected: Vec<Event> = expected
        .into_iter()
        .zip(&log)
        .map(|((second, ended), found)| Event {
            id: found.id,
            ..RightsChange { user: anna.id, ended }.draft(at(second)).numbered(found.seq)
        })
        .collect();
    assert_eq!((log.len(), log), (6, expected));
}

pub async fn racing_ends_of_a_session_append_one_entry(db: &Db) {
    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    let signed_in = session(&anna, 1);
    db.insert_session(&signed_in, None).await.unwrap();
    let racers: Vec<_> = (0..8)
        .map(|racer| {
            let (store, session) = (db.shared(), signed_in.clone());
            tokio::spawn(async move {
                match racer % 2 {
                    0 => store.end_session(session.id, at(1)).await.unwrap(),
                    _ => _ = store.rotate_session(session.id, presented(&session, 9, 8), at(99), at(1)).await.unwrap(),
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
    let log = whole_log(db.store()).await;
    let entities: Vec<Entity> = log.into_iter().skip(1).map(|event| event.entity).collect();
    assert_eq!(entities, [RightsChange { user: anna.id, ended: EndedRights::Sessions(vec![signed_in.id]) }.into()]);
}

/// Pages of the log skip the entries, and are complete through them.
pub async fn clients_find_no_entry_of_ended_rights(db: &Db) {
    let customer = User { id: buyer(), ..user("buyer") };
    db.insert_user(&customer, None).await.unwrap();
    let (lamp, work) = (product("lamp"), task("work"));
    let mut token = 0;
    let mut end = async || {
        token += 1;
        let session = session(&customer, token);
        db.insert_session(&session, None).await.unwrap();
        db.end_session(session.id, at(1)).await.unwrap();
    };
    end().await;
    insert_products(db.store(), &[&lamp]).await;
    end().await;
    db.insert_task(work.clone(), stamp()).await.unwrap();
    place(db.store(), "1", &[(&lamp, 1)]).await.unwrap();
    for _ in 0..3 {
        end().await;
        db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();
    }
    end().await;

    let all = whole_log(db.store()).await;
    let head = all.len() as Seq;
    assert!(all.iter().map(|event| event.seq).eq(1..=14));
    let of_rights = |event: &&Event| matches!(event.entity, Entity::Rights(_));
    assert_eq!(all.iter().filter(of_rights).count(), 6);
    assert!(all.iter().filter(of_rights).all(|event| event.audience().next().is_none()));
    let by_kind = EntityKind::ALL.map(|kind| LogFilter { kind: Some(kind), ..LogFilter::ALL });
    let of_user = LogFilter { user: Some(buyer()), ..LogFilter::ALL };
    for filter in by_kind.into_iter().chain([of_user, LogFilter { kind: Some(EntityKind::Task), ..of_user }]) {
        for after in 0..=head {
            let matching = all.iter().filter(|event| event.seq > after && filter.matches(event));
            let expected: Vec<Event> = matching.cloned().collect();
            let for_clients = filter.kind != Some(EntityKind::Rights);
            assert!(!for_clients || !expected.iter().any(|event| of_rights(&event)), "{filter:?}");
            let page = db.read_log(after, filter, 100).await.unwrap();
            assert_eq!((&page.events, page.through), (&expected, head), "{filter:?} after {after}");
        }
    }
}
