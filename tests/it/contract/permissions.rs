//! What allowed a change is checked again in the step that writes it.

use orderwire::domain::*;

use super::engine::{Db, refusal};
use crate::support::data::{
    adjustment, at, insert_products, place, product, reread_order, stamp, step, task, user, whole_log,
};

fn by(actor: &User, permission: Permission) -> Stamp {
    Stamp { actor: Some(actor.id), permission, at: at(5) }
}

pub async fn changes_by_former_staff_are_refused_and_write_nothing(db: &Db) {
    let (lamp, work) = (product("lamp"), task("work"));
    insert_products(db.store(), &[&lamp]).await;
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let order = place(db.store(), "1", &[(&lamp, 1)]).await.unwrap().order;
    let (staff, former) = (User { role: UserRole::Staff, ..user("staff") }, user("former"));
    for user in [&staff, &former] {
        db.insert_user(user, None).await.unwrap();
    }
    let log = whole_log(db.store()).await;
    let (price, done) = (Decimal::from_units(10), TaskStatus::Done);
    let dearer = ProductChanges { price: Some(price), ..ProductChanges::default() };
    let finish = TaskChanges { status: Some(done), ..TaskChanges::default() };
    for actor in [&former, &user("missing")] {
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
        assert_eq!(refusals, [const { Refusal::RightLost }; 7], "{}", actor.name);
    }
    assert_eq!(whole_log(db.store()).await, log);
    assert_eq!(reread_order(db.store(), order.id).await.status, OrderStatus::Pending);
    let stamp = by(&staff, Permission::Staff);
    assert_eq!(db.update_product(lamp.id, dearer, None, stamp).await.unwrap().price, price);
    assert_eq!(db.update_task(work.id, finish, None, stamp).await.unwrap().status, done);
}

/// The task was given to somebody else after the actor was found to be assigned.
pub async fn a_task_is_changed_by_its_owners_only(db: &Db) {
    let (anna, bert, carla) = (user("anna"), user("bert"), user("carla"));
    let work = Task { created_by: anna.id, assignee: Some(bert.id), ..task("work") };
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let rename = |title: &str| TaskChanges { title: Some(title.to_owned()), ..TaskChanges::default() };
    let give = TaskChanges { assignee: Some(Some(carla.id)), ..TaskChanges::default() };
    db.update_task(work.id, give, None, by(&bert, Permission::Owner)).await.unwrap();
    let log = whole_log(db.store()).await;
    let late = db.update_task(work.id, rename("late"), None, by(&bert, Permission::Owner)).await;
    assert_eq!(refusal(late), Refusal::NotFound);
    assert_eq!(whole_log(db.store()).await, log);
    for (title, owner) in [("by its author", &anna), ("by its assignee", &carla)] {
        let changed = db.update_task(work.id, rename(title), None, by(owner, Permission::Owner)).await.unwrap();
        assert_eq!(changed.title, title);
    }
}
