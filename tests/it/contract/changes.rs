//! Every kind of change of products, tasks and users, each at a time of its own: the whole value it answers with, the whole
//! value that is stored and the whole log entries that it appends.

use orderwire::domain::*;

use super::{
    engine::{Db, refusal},
    seen_log::{SeenLog, of_product, of_task, of_user, said, said_of_stock},
};
use crate::support::data::{
    adjustment, at, by_system, insert_products, product, reread, stamp_by, task, user, whole_log,
};

/// A change by staff, `second`s from now.
pub fn staff(second: i64) -> Stamp {
    stamp_by(user("staff").id, second)
}

pub async fn each_change_of_a_product_is_stored_and_logged_whole(db: &Db) {
    let mut log = SeenLog::new(db).await;
    let lamp = product("lamp");
    let inserted = db.insert_product(lamp.clone(), staff(1)).await.unwrap();
    assert_eq!(inserted, lamp);
    log.assert_appended(db, staff(1), &[said(EventKind::Created, of_product(&lamp))]).await;
    assert_eq!(reread(db.store(), &lamp).await, lamp);

    let changes = ProductChanges {
        name: Some("Zebra lamp".into()),
        description: Some(None),
        price: Some(Decimal::from_units(7)),
        tags: Some(vec!["b".into(), "a".into(), "b".into()]),
        ..ProductChanges::default()
    };
    let lamp = Product {
        name: "Zebra lamp".into(),
        description: None,
        price: Decimal::from_units(7),
        tags: vec!["b".into(), "a".into(), "b".into()],
        version: 2,
        updated_at: at(2),
        ..lamp
    };
    let updated = db.update_product(lamp.id, changes, Some(1), staff(2)).await.unwrap();
    assert_eq!(updated, lamp);
    log.assert_appended(db, staff(2), &[said(EventKind::Updated, of_product(&lamp))]).await;
    assert_eq!(reread(db.store(), &lamp).await, lamp);

    let lamp = Product { stock: 6, version: 3, updated_at: at(4), ..lamp };
    let adjusted = db.adjust_stock(adjustment(&lamp, -4), staff(4)).await.unwrap();
    assert_eq!(adjusted, lamp);
    log.assert_appended(db, staff(4), &[said_of_stock(10, &lamp)]).await;
    assert_eq!(reread(db.store(), &lamp).await, lamp);

    let lamp = Product { status: ProductStatus::Archived, version: 4, updated_at: at(5), ..lamp };
    let archived = db.update_product(lamp.id, ProductChanges::archive(), Some(3), staff(5)).await.unwrap();
    assert_eq!(archived, lamp);
    let before = Before { product_status: Some(ProductStatus::Active), ..Before::default() };
    let entry = (EventKind::Updated, None, of_product(&lamp), before);
    log.assert_appended(db, staff(5), &[entry]).await;
    assert_eq!(reread(db.store(), &lamp).await, lamp);
}

pub async fn each_change_of_a_task_is_stored_and_logged_whole(db: &Db) {
    for name in ["anna", "ben"] {
        db.insert_user(&user(name), None).await.unwrap();
    }
    let mut log = SeenLog::new(db).await;
    let stored = async |id| db.tasks_by_ids(&[id]).await.unwrap().remove(0);
    let work = Task { description: Some("how".into()), ..task("work") };
    let inserted = db.insert_task(work.clone(), staff(1)).await.unwrap();
    assert_eq!(inserted, work);
    log.assert_appended(db, staff(1), &[said(EventKind::Created, of_task(&work))]).await;
    assert_eq!(stored(work.id).await, Some(work.clone()));

    let changes = TaskChanges {
        metadata: None,
        title: Some("other".into()),
        description: None,
        status: Some(TaskStatus::InProgress),
        priority: Some(TaskPriority::Urgent),
        assignee: Some(Some(user("anna").id)),
        due_at: Some(Some(at(60))),
    };
    let work = Task {
        title: "other".into(),
        status: TaskStatus::InProgress,
        priority: TaskPriority::Urgent,
        assignee: Some(user("anna").id),
        due_at: Some(at(60)),
        version: 2,
        updated_at: at(2),
        ..work
    };
    let updated = db.update_task(work.id, changes, Some(1), staff(2)).await.unwrap();
    assert_eq!(updated, work);
    log.assert_appended(db, staff(2), &[said(EventKind::StatusChanged, of_task(&work))]).await;
    assert_eq!(stored(work.id).await, Some(work.clone()));

    let mut work = Task { title: "third".into(), version: 3, updated_at: at(3), ..work };
    let changes = TaskChanges { title: Some("third".into()), ..TaskChanges::default() };
    let updated = db.update_task(work.id, changes, None, staff(3)).await.unwrap();
    assert_eq!(updated, work);
    log.assert_appended(db, staff(3), &[said(EventKind::Updated, of_task(&work))]).await;
    assert_eq!(stored(work.id).await, Some(work.clone()));

    for (assignee, version) in [(Some(user("ben").id), 4), (None, 5)] {
        let before = Before { assignee: work.assignee, ..Before::default() };
        work = Task { assignee, version, updated_at: at(version.into()), ..work };
        let changes = TaskChanges { assignee: Some(assignee), ..TaskChanges::default() };
        let updated = db.update_task(work.id, changes, None, staff(version.into())).await.unwrap();
        assert_eq!(updated, work);
        let entry = (EventKind::Updated, None, of_task(&work), before);
        log.assert_appended(db, staff(version.into()), &[entry]).await;
    }

    let gone = Task { version: 6, updated_at: at(6), ..work };
    let deleted = db.delete_task(gone.id, staff(6)).await.unwrap();
    assert_eq!(deleted, gone);
    log.assert_appended(db, staff(6), &[said(EventKind::Deleted, of_task(&gone))]).await;
    assert_eq!(stored(gone.id).await, None);
}

pub async fn each_change_of_a_user_is_stored_whole_and_logged_without_what_is_personal(db: &Db) {
    let mut log = SeenLog::new(db).await;
    let stored = async |id| db.users_by_ids(&[id]).await.unwrap().remove(0);
    let hash = async |id| db.credentials_by_id(id).await.unwrap().and_then(|found| found.password_hash);
    let anna = User { role: UserRole::Staff, ..user("anna") };
    let ended = |ended| (EventKind::Updated, RightsChange { user: anna.id, ended }.into());
    let said = |entries: &[(EventKind, Entity)]| -> Vec<_> {
        entries.iter().map(|(kind, entity)| said(*kind, entity.clone())).collect()
    };
    db.insert_user(&anna, Some("hash")).await.unwrap();
    assert_eq!(stored(anna.id).await, Some(anna.clone()));
    log.assert_appended(db, by_system(0), &said(&[(EventKind::Created, of_user(&anna))])).await;

    let changes = UserChanges {
        metadata: None,
        name: Some("Anne".into()),
        email: Some("anne@example.com".into()),
        region: Some(Some("France".into())),
        role: Some(UserRole::Admin),
    };
    let anne = User {
        name: "Anne".into(),
        email: Some("anne@example.com".into()),
        region: Some("France".into()),
        role: UserRole::Admin,
        version: 2,
        updated_at: at(2),
        ..anna.clone()
    };
    assert_eq!(db.update_user(anna.id, changes, Some(1), by_system(2)).await.unwrap(), anne);
    assert_eq!(stored(anna.id).await, Some(anne.clone()));
    assert_eq!(hash(anna.id).await.as_deref(), Some("hash"), "a change keeps the password");
    let promoted = ended(EndedRights::RolesOtherThan(UserRole::Admin));
    log.assert_appended(db, by_system(2), &said(&[(EventKind::Updated, of_user(&anne)), promoted])).await;

    let anne = User { version: 3, updated_at: at(3), ..anne };
    assert_eq!(db.set_password(anna.id, "new hash", None, by_system(3)).await.unwrap(), anne);
    assert_eq!(stored(anna.id).await, Some(anne.clone()));
    assert_eq!(hash(anna.id).await.as_deref(), Some("new hash"));
    log.assert_appended(db, by_system(3), &said(&[(EventKind::Updated, of_user(&anne))])).await;

    let gone = User {
        email: None,
        name: "Deleted user".into(),
        role: UserRole::Customer,
        region: None,
        deleted_at: Some(at(4)),
        version: 4,
        updated_at: at(4),
        ..anne
    };
    assert_eq!(db.delete_user(gone.id, by_system(4)).await.unwrap(), gone);
    assert_eq!(stored(gone.id).await, Some(gone.clone()));
    let deleted = [(EventKind::Deleted, of_user(&gone)), ended(EndedRights::Everything)];
    log.assert_appended(db, by_system(4), &said(&deleted)).await;
    let texts =
        whole_log(db.store()).await.iter().map(|event| serde_json::to_string(event).unwrap()).collect::<String>();
    for personal in ["nna", "nne", "example.com", "France", "hash"] {
        assert!(!texts.contains(personal), "{personal} in {texts}");
    }
}

pub async fn an_update_without_fields_is_refused_and_one_without_another_value_changes_nothing(db: &Db) {
    let (lamp, work, anna) = (product("lamp"), task("work"), User { region: Some("UK".into()), ..user("anna") });
    insert_products(db.store(), &[&lamp]).await;
    db.insert_task(work.clone(), staff(1)).await.unwrap();
    db.insert_user(&anna, Some("hash")).await.unwrap();
    let log = whole_log(db.store()).await;

    let empty = (ProductChanges::default(), TaskChanges::default(), UserChanges::default());
    for version in [None, Some(1), Some(7)] {
        let refused = db.update_product(lamp.id, empty.0.clone(), version, staff(2)).await;
        assert_eq!(refusal(refused), Refusal::NothingToChange);
        let refused = db.update_task(work.id, empty.1.clone(), version, staff(2)).await;
        assert_eq!(refusal(refused), Refusal::NothingToChange);
        assert_eq!(
            refusal(db.update_user(anna.id, empty.2.clone(), version, by_system(2)).await),
            Refusal::NothingToChange
        );
    }

    let same = (
        ProductChanges {
            metadata: None,
            name: Some(lamp.name.clone()),
            description: Some(lamp.description.clone()),
            price: Some(lamp.price),
            tags: Some(lamp.tags.clone()),
            status: Some(lamp.status),
        },
        TaskChanges {
            metadata: None,
            title: Some(work.title.clone()),
            description: Some(work.description.clone()),
            status: Some(work.status),
            priority: Some(work.priority),
            assignee: Some(work.assignee),
            due_at: Some(work.due_at),
        },
        UserChanges {
            metadata: None,
            name: Some(anna.name.clone()),
            email: anna.email.clone(),
            region: Some(anna.region.clone()),
            role: Some(anna.role),
        },
    );
    for version in [None, Some(1)] {
        let updated = db.update_product(lamp.id, same.0.clone(), version, staff(2)).await.unwrap();
        assert_eq!(updated, lamp);
        let updated = db.update_task(work.id, same.1.clone(), version, staff(2)).await.unwrap();
        assert_eq!(updated, work);
        assert_eq!(db.update_user(anna.id, same.2.clone(), version, by_system(2)).await.unwrap(), anna);
    }
    let stale = Refusal::VersionMismatch { actual: 1 };
    assert_eq!(refusal(db.update_product(lamp.id, same.0, Some(7), staff(2)).await), stale);
    assert_eq!(refusal(db.update_task(work.id, same.1, Some(7), staff(2)).await), stale);
    assert_eq!(refusal(db.update_user(anna.id, same.2, Some(7), by_system(2)).await), stale);

    assert_eq!(reread(db.store(), &lamp).await, lamp);
    assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(work)]);
    assert_eq!(db.credentials_by_id(anna.id).await.unwrap().unwrap().password_hash.as_deref(), Some("hash"));
    assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(anna)]);
    assert_eq!(whole_log(db.store()).await, log);
}
