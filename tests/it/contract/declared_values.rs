//! Every declared status, role and priority is stored and listed by each engine.

use orderwire::domain::*;

use super::changes::staff;
use super::{
    engine::Db,
    listed::{Listed, page, sorts},
};
use crate::support::data::{past_order, product, reread, reread_order, task, user};

/// A status, role or priority that is added to the source has to work on every engine: in writing, reading and lists.
pub async fn every_status_role_and_priority_is_stored_and_listed(db: &Db) {
    for (status, name) in TaskStatus::ALL.into_iter().zip(0..) {
        let priority = TaskPriority::ALL[name % TaskPriority::ALL.len()];
        let work = Task { status, priority, ..task(&name.to_string()) };
        db.insert_task(work.clone(), staff(0)).await.unwrap();
        assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(work)]);
    }
    for priority in TaskPriority::ALL {
        db.insert_task(Task { priority, ..task(priority.as_str()) }, staff(0)).await.unwrap();
    }
    let all = TaskStatus::ALL.len() + TaskPriority::ALL.len();
    every_row_is_listed::<Task>(db, all).await;
    let of_status = |status| TaskFilter { statuses: Some(vec![status]), ..TaskFilter::default() };
    let by_status = db.count_tasks(&TaskStatus::ALL.map(of_status)).await.unwrap();
    assert!(by_status.iter().all(|count| *count >= 1) && by_status.iter().sum::<u64>() == all as u64, "{by_status:?}");
    let of_priority = |priority| TaskFilter { priorities: Some(vec![priority]), ..TaskFilter::default() };
    let by_priority = db.count_tasks(&TaskPriority::ALL.map(of_priority)).await.unwrap();
    assert!(by_priority.iter().all(|count| *count >= 1), "{by_priority:?}");

    for status in ProductStatus::ALL {
        let lamp = Product { status, ..product(status.as_str()) };
        db.insert_product(lamp.clone(), staff(0)).await.unwrap();
        assert_eq!(reread(db.store(), &lamp).await, lamp);
    }
    every_row_is_listed::<Product>(db, ProductStatus::ALL.len()).await;
    let of_status = |status| ProductFilter { status: Some(status), ..ProductFilter::default() };
    let by_status = db.count_products(&ProductStatus::ALL.map(of_status)).await.unwrap();
    assert_eq!(by_status, [1; ProductStatus::ALL.len()]);

    for role in UserRole::ALL {
        let one = User { role, ..user(role.as_str()) };
        db.insert_user(&one, None).await.unwrap();
        assert_eq!(db.users_by_ids(&[one.id]).await.unwrap(), [Some(one)]);
    }
    every_row_is_listed::<User>(db, UserRole::ALL.len()).await;
    let of_role = |role| UserFilter { role: Some(role), ..UserFilter::default() };
    assert_eq!(db.count_users(&UserRole::ALL.map(of_role)).await.unwrap(), [1; UserRole::ALL.len()]);

    for status in OrderStatus::ALL {
        let order = Order { status, ..past_order(status.as_str(), &[(&product("ACTIVE"), 1)]) };
        db.import_orders(std::slice::from_ref(&order)).await.unwrap();
        assert_eq!(reread_order(db.store(), order.id).await, order);
    }
    every_row_is_listed::<Order>(db, OrderStatus::ALL.len()).await;
    let of_status = |status| OrderFilter { statuses: Some(vec![status]), ..OrderFilter::default() };
    assert_eq!(db.count_orders(&OrderStatus::ALL.map(of_status)).await.unwrap(), [1; OrderStatus::ALL.len()]);
}

/// By every sort field and in both directions, without a filter.
async fn every_row_is_listed<T: Listed>(db: &Db, count: usize) {
    let all = T::Filter::default();
    for sort in sorts::<T>() {
        assert_eq!(page::<T>(db, &all, sort, Slice::first(1000)).await.edges.len(), count, "{sort:?}");
    }
    assert_eq!(T::count(db.store(), &[all]).await, [count as u64]);
}
