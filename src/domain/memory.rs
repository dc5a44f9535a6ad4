//! Estimates of the memory that values take. What is kept in memory is bounded by them.

use super::{EndedRights, Entity, Event, HistoryEntry, Order, OrderItem, Product, RightsChange, Task, User};

/// Texts outside their struct: their bytes, and about as much as an allocation costs.
fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> usize {
    texts.into_iter().map(|text| size_of::<String>() + text.len()).sum()
}

impl User {
    /// Estimated bytes that the user takes.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.metadata.memory()
            + texts([&self.name].into_iter().chain(&self.email).chain(&self.region))
    }
}

impl Product {
    /// Estimated bytes that the product takes.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.metadata.memory()
            + texts([&self.sku, &self.name].into_iter().chain(&self.description).chain(&self.tags))
    }
}

impl Task {
    /// Estimated bytes that the task takes.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.metadata.memory() + texts([&self.title].into_iter().chain(&self.description))
    }
}

impl Order {
    /// Estimated bytes that the order takes, with its lines and history.
    pub fn memory(&self) -> usize {
        let own = texts([&self.number, &self.region].into_iter().chain(&self.payment_reference));
        let items = self.items.iter().map(|item| size_of::<OrderItem>() + texts([&item.sku, &item.name]));
        let history = self.history.iter().map(|entry| size_of::<HistoryEntry>() + texts(&entry.reason));
        size_of::<Self>() + self.metadata.memory() + own + items.chain(history).sum::<usize>()
    }
}

impl RightsChange {
    /// Estimated bytes that the change takes outside its struct.
    pub fn memory(&self) -> usize {
        match &self.ended {
            EndedRights::Sessions(sessions) => size_of_val(&**sessions),
            EndedRights::RolesOtherThan(_) | EndedRights::Everything => 0,
        }
    }
}

impl Entity {
    /// Estimated bytes that the entity takes.
    pub fn memory(&self) -> usize {
        match self {
            Self::Order(order) => order.memory(),
            Self::Task(task) => task.memory(),
            Self::Product(product) => product.memory(),
            Self::Rights(change) => change.memory(),
            Self::User(_) => 0,
        }
    }
}

impl Event {
    /// Estimated bytes that the entry takes, with its entity.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.entity.memory()
    }
}
