//! Changing the metadata of any entity, and who finds entities by it.
//!
//! Decision: `docs/decisions/0035-metadata.md`.

use std::collections::BTreeSet;

use super::{Result, Service, access, error::not_found_at, input::Checks};
use crate::domain::{
    AnyId, Metadata, MetadataChange, MetadataFilter, MetadataItems, Order, Product, ProductChanges, Scope, Task,
    TaskChanges, User, UserChanges, Viewer, is_metadata_key, is_metadata_value,
};

/// Input of [`Service::update_metadata`].
#[derive(Debug, Clone)]
pub struct UpdateMetadata {
    /// The entity to change.
    pub id: AnyId,
    /// Items to add, or whose values to replace.
    pub set: Vec<(String, String)>,
    /// Keys to remove.
    pub remove: Vec<String>,
    /// Whether the private part is changed.
    pub private: bool,
    /// Only if the entity is at this version.
    pub expected_version: Option<i32>,
}

/// An entity after a change of its metadata.
#[derive(Debug, Clone)]
pub enum WithMetadata {
    /// A product.
    Product(Product),
    /// An order.
    Order(Order),
    /// A task.
    Task(Task),
    /// A user.
    User(User),
}

impl Service {
    /// Staff: changes the metadata of a product, an order or a task; admins also that of a user.
    pub async fn update_metadata(&self, viewer: &Viewer, input: UpdateMetadata) -> Result<WithMetadata> {
        match input.id {
            AnyId::Product(_) => access::require(viewer, Scope::WriteProducts)?,
            AnyId::Order(_) => access::require(viewer, Scope::WriteOrders)?,
            AnyId::Task(_) => access::require(viewer, Scope::WriteTasks)?,
            AnyId::User(_) => access::require_admin(viewer)?,
            AnyId::ApiKey(_) | AnyId::Event(_) | AnyId::Webhook(_) | AnyId::Job(_) => {
                access::require_authenticated(viewer)?;
                let mut checks = Checks::default();
                checks.fault(&["id"], "must be a product, an order, a task or a user");
                checks.finish()?;
            }
        }
        let change = check(&input)?;
        let (stamp, expected) = (self.stamp(viewer)?, input.expected_version);
        let changed = match input.id {
            AnyId::Product(id) => {
                let changes = ProductChanges { metadata: Some(change), ..ProductChanges::default() };
                self.store.update_product(id, changes, expected, stamp).await.map(WithMetadata::Product)
            }
            AnyId::Order(id) => {
                self.store.update_order_metadata(id, change, expected, stamp).await.map(WithMetadata::Order)
            }
            AnyId::Task(id) => {
                let changes = TaskChanges { metadata: Some(change), ..TaskChanges::default() };
                self.store.update_task(id, changes, expected, stamp).await.map(WithMetadata::Task)
            }
            AnyId::User(id) => {
                let changes = UserChanges { metadata: Some(change), ..UserChanges::default() };
                self.store.update_user(id, changes, expected, stamp).await.map(WithMetadata::User)
            }
            AnyId::ApiKey(_) | AnyId::Event(_) | AnyId::Webhook(_) | AnyId::Job(_) => {
                return Err(super::ServiceError::NotFound("it has no metadata"));
            }
        };
        changed.map_err(not_found_at("id"))
    }
}

/// The change that is asked for, if it is acceptable.
fn check(input: &UpdateMetadata) -> Result<MetadataChange> {
    let mut checks = Checks::default();
    if input.set.is_empty() && input.remove.is_empty() {
        checks.fault(&["set"], "there is nothing to change: give items to set or keys to remove");
    }
    for (field, len) in [("set", input.set.len()), ("remove", input.remove.len())] {
        if len > Metadata::MAX_ITEMS {
            checks.fault(&[field], format!("must have at most {} entries", Metadata::MAX_ITEMS));
        }
    }
    let mut keys = BTreeSet::new();
    for (place, (key, value)) in input.set.iter().enumerate().take(Metadata::MAX_ITEMS) {
        let place = place.to_string();
        if !is_metadata_key(key) {
            checks.fault(
                &["set", &place, "key"],
                format!("must be 1 to {} letters, digits or _ - . : /", Metadata::MAX_KEY),
            );
        } else if !keys.insert(key) {
            checks.fault(&["set", &place, "key"], "stands here twice");
        }
        if !is_metadata_value(value) {
            let most = Metadata::MAX_VALUE;
            checks
                .fault(&["set", &place, "value"], format!("must have at most {most} bytes and no control characters"));
        }
    }
    if let Some(key) = input.remove.iter().find(|key| keys.contains(key)) {
        checks.fault(&["remove"], format!("{key:.64} can't be set and removed at once"));
    }
    checks.finish()?;
    let set: MetadataItems = input.set.iter().cloned().collect();
    Ok(MetadataChange { set, remove: input.remove.clone(), private: input.private })
}

/// A filter by metadata as the viewer may use it: only those who read the private part of the area find by it.
pub(super) fn scoped(viewer: &Viewer, filter: Option<MetadataFilter>, scope: Scope) -> Option<MetadataFilter> {
    filter.map(|filter| MetadataFilter { public_only: !viewer.may(scope), ..filter })
}
