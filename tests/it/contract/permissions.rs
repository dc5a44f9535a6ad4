//! What allowed a change is checked again in the step that writes it.

use orderwire::domain::*;

use super::engine::{Db, refusal};
use crate::support::data::{
    adjustment, at, by_system, insert_products, key, new_order, place, product, reread_order, session, stamp, step,
    task, user, whole_log,
};

/// A change by `actor` in their first session.
fn by(actor: &User, permission: fn(SessionId) -> Permission) -> Stamp {
    Stamp { actor: Some(actor.id), permission: permission(session(actor, 1).id), at: at(5) }
}

/// Adds users, each with a session.
async fn sign_in(db: &Db, users: &[&User]) {
    for user in users {
        db.insert_user(user, None).await.unwrap();
        db.insert_session(&session(user, 1), None).await.unwrap();
    }
}

pub async fn changes_by_former_staff_are_refused_and_write_nothing(db: &Db) {
    let (lamp, work) = (product("lamp"), task("work"));
    insert_products(db.store(), &[&lamp]).await;
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let order = place(db.store(), "1", &[(&lamp, 1)]).await.unwrap().order;
    let (staff, former) = (User { role: UserRole::Staff, ..user("staff") }, user("former"));
    sign_in(db, &[&staff, &former]).await;
    let log = whole_log(db.store()).await;
    let (price, done) = (Decimal::from_units(10), TaskStatus::Done);
    let dearer = ProductChanges { price: Some(price), ..ProductChanges::default() };
    let finish = TaskChanges { status: Some(done), ..TaskChanges::default() };
    for (actor, lost) in [(&former, Refusal::RightLost), (&user("missing"), Refusal::SessionEnded)] {
        let stamp = by(actor, Permission::Staff);
        let refusals = [
            refusal(db.insert_product(product("new"), stamp).await),
            refusal(db.update_product(lamp.id, dearer.clone(), None, stamp).await),
            refusal(db.adjust_stock(adjustment(&lamp, 1), stamp).await),
            refusal(db.change_order_status(step(order.id, OrderStatus::Confirmed), stamp).await),
            refusal(db.insert_task(task("new"), stamp).await),
            refusal(db.update_task(work.id, finish.clone(), None, stamp).await),
            refusal(db.delete_task(work.id, stamp).await),
        ];
        assert!(refusals.iter().all(|refusal| *refusal == lost), "{}: {refusals:?}", actor.name);
    }
    assert_eq!(whole_log(db.store()).await, log);
    assert_eq!(reread_order(db.store(), order.id).await.status, OrderStatus::Pending);
    let stamp = by(&staff, Permission::Staff);
    assert_eq!(db.update_product(lamp.id, dearer, None, stamp).await.unwrap().price, price);
    assert_eq!(db.update_task(work.id, finish, None, stamp).await.unwrap().status, done);
}

pub async fn changes_in_a_session_that_has_ended_are_refused_and_write_nothing(db: &Db) {
    let (anna, other) = (user("anna"), user("other"));
    sign_in(db, &[&anna, &other]).await;
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let own = by(&anna, Permission::Owner);
    let order = NewOrder { customer: anna.id, ..new_order("1", &[(&lamp, 1)]) };
    let used = Idempotency { user: anna.id, ..key("1") };
    let placed = db.place_order(order.clone(), used.clone(), own).await.unwrap().order;
    let work = Task { created_by: anna.id, ..task("work") };
    db.insert_task(work.clone(), own).await.unwrap();

    let of_another = Stamp { permission: Permission::Owner(session(&other, 1).id), ..own };
    db.end_session(session(&anna, 1).id, at(6)).await.unwrap();
    let (log, credentials) = (whole_log(db.store()).await, db.credentials_by_id(anna.id).await.unwrap());
    let rename = TaskChanges { title: Some("late".to_owned()), ..TaskChanges::default() };
    let moved = UserChanges { region: Some(Some("Malta".to_owned())), ..UserChanges::default() };
    let next = NewOrder { customer: anna.id, ..new_order("2", &[(&lamp, 1)]) };
    for stamp in [own, of_another] {
        let refusals = [
            refusal(db.place_order(next.clone(), Idempotency { user: anna.id, ..key("2") }, stamp).await),
            refusal(db.place_order(order.clone(), used.clone(), stamp).await),
            refusal(db.change_order_status(step(placed.id, OrderStatus::Cancelled), stamp).await),
            refusal(db.insert_task(Task { created_by: anna.id, ..task("new") }, stamp).await),
            refusal(db.update_task(work.id, rename.clone(), None, stamp).await),
            refusal(db.delete_task(work.id, stamp).await),
            refusal(db.update_user(anna.id, moved.clone(), None, stamp).await),
            refusal(db.set_password(anna.id, "other", None, stamp).await),
            refusal(db.end_sessions_of(anna.id, stamp).await),
        ];
        assert!(refusals.iter().all(|refusal| *refusal == Refusal::SessionEnded), "{refusals:?}");
    }
    assert_eq!(whole_log(db.store()).await, log);
    assert_eq!(db.credentials_by_id(anna.id).await.unwrap(), credentials);
}

/// Orders that are placed together: one whose session has ended does not hold up the others.
pub async fn of_orders_that_are_placed_together_those_of_ended_sessions_are_refused(db: &Db) {
    let lamp = Product { stock: 100, ..product("lamp") };
    insert_products(db.store(), &[&lamp]).await;
    let users: Vec<User> = (0..12).map(|number| user(&format!("user {number}"))).collect();
    sign_in(db, &users.iter().collect::<Vec<_>>()).await;
    for user in users.iter().step_by(3) {
        db.end_session(session(user, 1).id, at(1)).await.unwrap();
    }
    let orders = users.iter().enumerate().map(|(number, user)| {
        let number = number.to_string();
        let order = NewOrder { customer: user.id, ..new_order(&number, &[(&lamp, 1)]) };
        db.place_order(order, Idempotency { user: user.id, ..key(&number) }, by(user, Permission::Owner))
    });
    for (number, placed) in futures_util::future::join_all(orders).await.into_iter().enumerate() {
        match placed {
            Ok(placed) => assert!(number % 3 != 0 && placed.order.customer == users[number].id),
            refused => assert_eq!((number % 3, refusal(refused)), (0, Refusal::SessionEnded)),
        }
    }
    assert_eq!(db.products_by_ids(&[lamp.id]).await.unwrap()[0].as_ref().unwrap().stock, 92);
}

/// The task was given to somebody else after the actor was found to be assigned.
pub async fn a_task_is_changed_by_its_owners_only(db: &Db) {
    let (anna, bert, carla) = (user("anna"), user("bert"), user("carla"));
    sign_in(db, &[&anna, &bert, &carla]).await;
    let work = Task { created_by: anna.id, assignee: Some(bert.id), ..task("work") };
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let rename = |title: &str| TaskChanges { title: Some(title.to_owned()), ..TaskChanges::default() };
    let give = TaskChanges { assignee: Some(Some(carla.id)), ..TaskChanges::default() };
    db.update_task(work.id, give, None, by(&bert, Permission::Owner)).await.unwrap();
    let log = whole_log(db.store()).await;
    let late = db.update_task(work.id, rename("late"), None, by(&bert, Permission::Owner)).await;
    assert_eq!(refusal(late), Refusal::NotFound);
    assert_eq!(refusal(db.delete_task(work.id, by(&bert, Permission::Owner)).await), Refusal::NotFound);
    let by_assignee = db.delete_task(work.id, by(&carla, Permission::Owner)).await;
    assert_eq!(refusal(by_assignee), Refusal::RightLost, "only the author may");
    assert_eq!(whole_log(db.store()).await, log);
    for (title, owner) in [("by its author", &anna), ("by its assignee", &carla)] {
        let changed = db.update_task(work.id, rename(title), None, by(owner, Permission::Owner)).await.unwrap();
        assert_eq!(changed.title, title);
    }
    db.delete_task(work.id, by(&anna, Permission::Owner)).await.unwrap();
}

pub async fn an_order_is_cancelled_by_its_customer_only(db: &Db) {
    let (anna, bert, lamp) = (user("anna"), user("bert"), product("lamp"));
    sign_in(db, &[&anna, &bert]).await;
    insert_products(db.store(), &[&lamp]).await;
    let order = NewOrder { customer: anna.id, ..new_order("1", &[(&lamp, 1)]) };
    let used = Idempotency { user: anna.id, ..key("1") };
    let order = db.place_order(order, used, by(&anna, Permission::Owner)).await.unwrap().order;
    let cancel = step(order.id, OrderStatus::Cancelled);
    let late = db.change_order_status(cancel.clone(), by(&bert, Permission::Owner)).await;
    assert_eq!(refusal(late), Refusal::NotFound);
    let cancelled = db.change_order_status(cancel, by(&anna, Permission::Owner)).await.unwrap();
    assert_eq!(cancelled.order.status, OrderStatus::Cancelled);
}

pub async fn a_task_is_given_to_users_who_are_there_only(db: &Db) {
    let (gone, anna) = (user("gone"), user("anna"));
    sign_in(db, &[&gone, &anna]).await;
    let work = Task { assignee: Some(gone.id), ..task("work") };
    db.insert_task(work.clone(), stamp()).await.unwrap();
    db.delete_user(gone.id, by_system(1)).await.unwrap();
    let log = whole_log(db.store()).await;
    for assignee in [gone.id, user("missing").id] {
        let new = Task { assignee: Some(assignee), ..task("new") };
        assert_eq!(refusal(db.insert_task(new, stamp()).await), Refusal::AssigneeNotFound);
    }
    let give = |to: &User| TaskChanges { assignee: Some(Some(to.id)), ..TaskChanges::default() };
    let missing = db.update_task(work.id, give(&user("missing")), None, stamp()).await;
    assert_eq!(refusal(missing), Refusal::AssigneeNotFound);
    assert_eq!(whole_log(db.store()).await, log);
    let renamed = TaskChanges { title: Some("other".to_owned()), ..give(&gone) };
    let kept = db.update_task(work.id, renamed, None, by_system(2)).await.unwrap();
    assert_eq!(kept.assignee, Some(gone.id), "who has it keeps it");
    assert_eq!(db.update_task(work.id, give(&anna), None, by_system(3)).await.unwrap().assignee, Some(anna.id));
    let back = db.update_task(work.id, give(&gone), None, by_system(4)).await;
    assert_eq!(refusal(back), Refusal::AssigneeNotFound);
}
