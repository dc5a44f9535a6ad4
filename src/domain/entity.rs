//! What the entries of the event log are about, and what they have in common.
//!
//! Decision: `docs/decisions/0031-own-writes-in-the-near-cache.md`.

use std::{str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{
    ApiKeyId, EventId, InvalidId, JobId, Metadata, Order, OrderId, Product, ProductId, RightsChange, Task, TaskId,
    UserId, UserVersion, WebhookId, declare::text_enum,
};

text_enum! {
    /// What entries of the log are about.
    pub enum EntityKind {
        /// An [`Order`].
        Order => "ORDER",
        /// A [`Task`].
        Task => "TASK",
        /// A [`Product`].
        Product => "PRODUCT",
        /// A [`RightsChange`]. Clients never see these entries.
        Rights => "RIGHTS",
        /// A [`User`](super::User), of whom entries hold no more than a [`UserVersion`].
        User => "USER",
    }
}

/// What an entry is about: the whole state of an entity right after the change, so that no later state is ever read back.
/// Of users it holds the version alone, so that the log keeps nothing of a user who is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Entity {
    /// An order with its items and history.
    Order(Arc<Order>),
    /// A task with its description.
    Task(Arc<Task>),
    /// A product with its description.
    Product(Arc<Product>),
    /// What ended of a user's rights.
    Rights(RightsChange),
    /// Which user, and the version.
    User(UserVersion),
}

impl Entity {
    /// Its kind.
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Order(_) => EntityKind::Order,
            Self::Task(_) => EntityKind::Task,
            Self::Product(_) => EntityKind::Product,
            Self::Rights(_) => EntityKind::Rights,
            Self::User(_) => EntityKind::User,
        }
    }

    /// Its own JSON. [`Entity::from_json`] reads it.
    pub fn to_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Order(order) => serde_json::to_string(order),
            Self::Task(task) => serde_json::to_string(task),
            Self::Product(product) => serde_json::to_string(product),
            Self::Rights(change) => serde_json::to_string(change),
            Self::User(user) => serde_json::to_string(user),
        }
    }

    /// Reads an entity of this kind from its own JSON.
    pub fn from_json(kind: EntityKind, json: &str) -> serde_json::Result<Self> {
        Ok(match kind {
            EntityKind::Order => Self::Order(serde_json::from_str(json)?),
            EntityKind::Task => Self::Task(serde_json::from_str(json)?),
            EntityKind::Product => Self::Product(serde_json::from_str(json)?),
            EntityKind::Rights => Self::Rights(serde_json::from_str(json)?),
            EntityKind::User => Self::User(serde_json::from_str(json)?),
        })
    }

    /// Its id without the type; of rights, the id of the user.
    pub fn id(&self) -> Ulid {
        match self {
            Self::Order(order) => order.id.ulid(),
            Self::Task(task) => task.id.ulid(),
            Self::Product(product) => product.id.ulid(),
            Self::Rights(change) => change.user.ulid(),
            Self::User(user) => user.id.ulid(),
        }
    }

    /// The description of a task or product.
    pub fn description(&self) -> Option<&str> {
        match self {
            Self::Order(_) | Self::Rights(_) | Self::User(_) => None,
            Self::Task(task) => task.description.as_deref(),
            Self::Product(product) => product.description.as_deref(),
        }
    }

    /// Removes the description of a task or product and returns it.
    pub fn take_description(&mut self) -> Option<String> {
        self.description_mut()?.take()
    }

    /// Gives a task or product this description; the others have none.
    pub fn set_description(&mut self, text: String) {
        if let Some(description) = self.description_mut() {
            *description = Some(text);
        }
    }

    fn description_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Order(_) | Self::Rights(_) | Self::User(_) => None,
            Self::Task(task) => Some(&mut Arc::make_mut(task).description),
            Self::Product(product) => Some(&mut Arc::make_mut(product).description),
        }
    }

    /// The metadata of an order, task or product.
    pub fn metadata(&self) -> Option<&Metadata> {
        match self {
            Self::Order(order) => Some(&order.metadata),
            Self::Task(task) => Some(&task.metadata),
            Self::Product(product) => Some(&product.metadata),
            Self::Rights(_) | Self::User(_) => None,
        }
    }

    /// The metadata of an order, task or product, to be replaced.
    pub fn metadata_mut(&mut self) -> Option<&mut Metadata> {
        match self {
            Self::Order(order) => Some(&mut Arc::make_mut(order).metadata),
            Self::Task(task) => Some(&mut Arc::make_mut(task).metadata),
            Self::Product(product) => Some(&mut Arc::make_mut(product).metadata),
            Self::Rights(_) | Self::User(_) => None,
        }
    }

    /// The users who see the entity without being staff, each once. Whether everyone sees a product is up to its status.
    pub fn owners(&self) -> [Option<UserId>; 2] {
        match self {
            Self::Order(order) => [Some(order.customer), None],
            Self::Task(task) => task.owners().users(),
            Self::User(user) => [Some(user.id), None],
            Self::Product(_) | Self::Rights(_) => [None, None],
        }
    }

    /// Its version after the change; rights have none, and give 1.
    pub fn version(&self) -> i32 {
        match self {
            Self::Order(order) => order.version,
            Self::Task(task) => task.version,
            Self::Product(product) => product.version,
            Self::User(user) => user.version,
            Self::Rights(_) => 1,
        }
    }
}

impl From<Order> for Entity {
    fn from(order: Order) -> Self {
        Self::Order(Arc::new(order))
    }
}

impl From<Task> for Entity {
    fn from(task: Task) -> Self {
        Self::Task(Arc::new(task))
    }
}

impl From<Product> for Entity {
    fn from(product: Product) -> Self {
        Self::Product(Arc::new(product))
    }
}

impl From<UserVersion> for Entity {
    fn from(user: UserVersion) -> Self {
        Self::User(user)
    }
}

impl From<RightsChange> for Entity {
    fn from(change: RightsChange) -> Self {
        Self::Rights(change)
    }
}

/// An id of any type that `Query.node` can look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnyId {
    /// A user.
    User(UserId),
    /// A product.
    Product(ProductId),
    /// An order.
    Order(OrderId),
    /// A task.
    Task(TaskId),
    /// An API key.
    ApiKey(ApiKeyId),
    /// An entry of the event log.
    Event(EventId),
    /// A webhook.
    Webhook(WebhookId),
    /// A job.
    Job(JobId),
}

impl FromStr for AnyId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { expected: "usr_, prd_, ord_, tsk_, key_, evt_, whk_ or job_" };
        match text.get(..4) {
            Some(UserId::PREFIX) => text.parse().map(Self::User).map_err(|_| invalid),
            Some(ProductId::PREFIX) => text.parse().map(Self::Product).map_err(|_| invalid),
            Some(OrderId::PREFIX) => text.parse().map(Self::Order).map_err(|_| invalid),
            Some(ApiKeyId::PREFIX) => text.parse().map(Self::ApiKey).map_err(|_| invalid),
            Some(TaskId::PREFIX) => text.parse().map(Self::Task).map_err(|_| invalid),
            Some(EventId::PREFIX) => text.parse().map(Self::Event).map_err(|_| invalid),
            Some(JobId::PREFIX) => text.parse().map(Self::Job).map_err(|_| invalid),
            Some(WebhookId::PREFIX) => text.parse().map(Self::Webhook).map_err(|_| invalid),
            _ => Err(invalid),
        }
    }
}
