//! What an entry of the log says to readers from outside: one name for the kind of entity and what happened to it.

use super::{
    super::{Entity, EntityKind, ProductStatus, declare::text_enum},
    Event, EventKind,
};

text_enum! {
    /// What happened to which kind of entity.
    pub enum EventType {
        /// A customer placed an order.
        OrderPlaced => "ORDER_PLACED",
        /// The status of an order changed.
        OrderStatusChanged => "ORDER_STATUS_CHANGED",
        /// Something else of an order changed.
        OrderUpdated => "ORDER_UPDATED",
        /// A product is new.
        ProductCreated => "PRODUCT_CREATED",
        /// A product changed, in more than its stock.
        ProductUpdated => "PRODUCT_UPDATED",
        /// Nothing but the stock of a product changed.
        StockChanged => "STOCK_CHANGED",
        /// A product went off sale.
        ProductArchived => "PRODUCT_ARCHIVED",
        /// A task is new.
        TaskCreated => "TASK_CREATED",
        /// A task changed.
        TaskUpdated => "TASK_UPDATED",
        /// A task is gone; the entry holds its last state.
        TaskDeleted => "TASK_DELETED",
        /// A user has an account.
        UserRegistered => "USER_REGISTERED",
        /// A user changed.
        UserUpdated => "USER_UPDATED",
        /// A user was deleted.
        UserDeleted => "USER_DELETED",
    }
}

impl EventType {
    /// The kind of entity that it is about.
    pub fn entity_kind(self) -> EntityKind {
        match self {
            Self::OrderPlaced | Self::OrderStatusChanged | Self::OrderUpdated => EntityKind::Order,
            Self::ProductCreated | Self::ProductUpdated | Self::StockChanged | Self::ProductArchived => {
                EntityKind::Product
            }
            Self::TaskCreated | Self::TaskUpdated | Self::TaskDeleted => EntityKind::Task,
            Self::UserRegistered | Self::UserUpdated | Self::UserDeleted => EntityKind::User,
        }
    }
}

impl Event {
    /// What it says to readers from outside; `None` for entries that only Orderwire itself reads.
    pub fn event_type(&self) -> Option<EventType> {
        Some(match (&self.entity, self.kind) {
            (Entity::Order(_), EventKind::Created) => EventType::OrderPlaced,
            (Entity::Order(_), EventKind::StatusChanged) => EventType::OrderStatusChanged,
            (Entity::Order(_), EventKind::Updated | EventKind::Deleted) => EventType::OrderUpdated,
            (Entity::Product(_), EventKind::Created) => EventType::ProductCreated,
            (Entity::Product(product), _) => match self.before.product_status {
                Some(_) if product.status == ProductStatus::Archived => EventType::ProductArchived,
                None if self.before.stock.is_some() => EventType::StockChanged,
                _ => EventType::ProductUpdated,
            },
            (Entity::Task(_), EventKind::Created) => EventType::TaskCreated,
            (Entity::Task(_), EventKind::StatusChanged | EventKind::Updated) => EventType::TaskUpdated,
            (Entity::Task(_), EventKind::Deleted) => EventType::TaskDeleted,
            (Entity::User(_), EventKind::Created) => EventType::UserRegistered,
            (Entity::User(_), EventKind::StatusChanged | EventKind::Updated) => EventType::UserUpdated,
            (Entity::User(_), EventKind::Deleted) => EventType::UserDeleted,
            (Entity::Rights(_), _) => return None,
        })
    }
}

/// Selects entries of the log for readers from outside, who never get those that only Orderwire itself reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of one of these types; `None` for all.
    pub types: Option<Vec<EventType>>,
    /// Only about the entity with this id.
    pub entity: Option<ulid::Ulid>,
}

impl EventFilter {
    /// Whether the entry passes the filter.
    pub fn matches(&self, event: &Event) -> bool {
        event.event_type().is_some_and(|found| self.types.as_ref().is_none_or(|types| types.contains(&found)))
            && self.entity.is_none_or(|id| event.entity.id() == id)
    }

    /// The kind of entity that all its types are about, if there is only one.
    pub fn entity_kind(&self) -> Option<EntityKind> {
        let (first, others) = self.types.as_ref()?.split_first()?;
        let kind = first.entity_kind();
        others.iter().all(|other| other.entity_kind() == kind).then_some(kind)
    }
}
