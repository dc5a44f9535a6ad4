//! The log as a test has seen it, and the entries that follow.

use orderwire::domain::*;

use super::engine::Db;
use crate::support::data::whole_log;

/// What an entry says besides when it was made and by whom.
pub type Said = (EventKind, Option<OrderStatus>, Entity, Before);

/// The log that was seen so far.
pub struct SeenLog(Vec<Event>);

impl SeenLog {
    pub async fn new(db: &Db) -> Self {
        Self(whole_log(db.store()).await)
    }

    /// Exactly these entries follow what was seen, numbered without a gap. The history of an order names its entry.
    pub async fn assert_appended(&mut self, db: &Db, stamp: Stamp, said: &[Said]) {
        let log = whole_log(db.store()).await;
        let (seen, appended) = log.split_at(self.0.len());
        assert_eq!(seen, self.0);
        let expected: Vec<Event> = (seen.len() as Seq + 1..)
            .zip(said)
            .zip(appended)
            .map(|((seq, (kind, previous_status, entity, before)), event)| Event {
                seq,
                id: event.id,
                kind: *kind,
                previous_status: *previous_status,
                entity: entity.clone(),
                before: *before,
                actor: stamp.actor,
                occurred_at: stamp.at,
            })
            .collect();
        assert_eq!(appended, expected);
        assert_eq!(appended.len(), said.len());
        for event in appended {
            if let Entity::Order(order) = &event.entity {
                assert_eq!(order.history.last().and_then(|step| step.event), Some(event.id));
                assert_eq!(db.store().events_by_ids(&[event.id]).await.unwrap(), [Some(event.clone())]);
            }
        }
        self.0 = log;
    }
}

pub fn said(kind: EventKind, entity: Entity) -> Said {
    (kind, None, entity, Before::default())
}

/// Nothing but the stock of a product changed, from `before`.
pub fn said_of_stock(before: i32, product: &Product) -> Said {
    let before = Before { stock: Some(before), ..Before::default() };
    (EventKind::Updated, None, of_product(product), before)
}

pub fn of_product(product: &Product) -> Entity {
    Entity::Product(product.clone().into())
}

pub fn of_task(task: &Task) -> Entity {
    Entity::Task(task.clone().into())
}

pub fn of_user(user: &User) -> Entity {
    UserVersion { id: user.id, version: user.version }.into()
}

pub fn of_order(order: &Order) -> Entity {
    Entity::Order(order.clone().into())
}
