//! What a subscriber wants to know of each update, and with which rights.

use super::document::Prepared;
use crate::{domain::Viewer, service::fingerprint};

/// The operation of a subscription. Of two with the same digest each gets for an update what the other gets, wherever
/// they began: the arguments of the root field choose updates and have no part in what is told of them.
pub(super) struct Selection {
    operation: Prepared,
    viewer: Viewer,
    digest: [u8; 32],
}

impl Selection {
    /// Of a subscription that a viewer asks for.
    pub fn of(operation: Prepared, viewer: Viewer) -> Self {
        let parts = [
            format!("{:?}", viewer.rights()),
            operation.text().to_owned(),
            operation.name().to_owned(),
            if operation.tells_cost() { operation.cost().to_string() } else { String::new() },
        ];
        let told = operation.told_variables().flat_map(|(name, value)| [name.to_string(), value.to_string()]);
        Self { digest: fingerprint(parts.into_iter().chain(told)), operation, viewer }
    }

    /// What tells it from others, rights and all.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Who asks.
    pub fn viewer(&self) -> Viewer {
        self.viewer
    }

    /// The operation, to be run.
    pub fn operation(&self) -> &Prepared {
        &self.operation
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use futures_util::FutureExt;
    use serde_json::json;

    use super::*;
    use crate::{
        domain::{SessionId, UserId, UserRole},
        graphql::{DocumentOptions, Documents, OperationRequest, builder},
    };

    const DOCUMENT: &str = "subscription ($after: EventCursor, $n: Int) {
        orderUpdates(after: $after) { order { tasks(first: $n) { nodes { id } } } } }";

    fn user(id: u8, role: UserRole, session: u8) -> Viewer {
        Viewer::User { id: UserId::from_bytes([id; 16]), role, session: SessionId::from_bytes([session; 16]) }
    }

    fn prepared(request: OperationRequest) -> Result<Prepared, Box<async_graphql::Response>> {
        let documents = Documents::new(builder(), DocumentOptions::default()).unwrap();
        documents.prepare(request).now_or_never().expect("nothing to wait for").map_err(Box::new)
    }

    fn digest(viewer: Viewer, variables: serde_json::Value) -> [u8; 32] {
        let request = OperationRequest::new(DOCUMENT).variables(Variables::from_json(variables));
        Selection::of(prepared(request).unwrap(), viewer).digest()
    }

    #[test]
    fn staff_share_whatever_their_session_and_cursor_and_customers_do_not() {
        let of = |viewer, after: &str, n: i32| digest(viewer, json!({ "after": after, "n": n }));
        let staff = of(user(1, UserRole::Staff, 1), "a", 1);
        assert_eq!(staff, of(user(2, UserRole::Staff, 2), "b", 1));
        assert_ne!(staff, of(user(1, UserRole::Staff, 1), "a", 2));
        assert_ne!(staff, of(user(1, UserRole::Admin, 1), "a", 1));
        let customer = of(user(1, UserRole::Customer, 1), "a", 1);
        assert_eq!(customer, of(user(1, UserRole::Customer, 2), "b", 1));
        assert_ne!(customer, of(user(2, UserRole::Customer, 1), "a", 1));
        assert_ne!(customer, staff);
    }

    #[test]
    fn one_root_field_only_in_fragments_too() {
        let refused = |document: &str| {
            let errors = prepared(OperationRequest::new(document)).err().map(|response| response.errors);
            errors.is_some_and(|errors| errors.iter().any(|error| error.message.contains("selects one field")))
        };
        assert!(refused("subscription { a: orderUpdates { kind } ... { b: orderUpdates { kind } } }"));
        assert!(refused(
            "subscription { ...F ...G } fragment F on Subscription { a: orderUpdates { kind } } fragment G on Subscription { b: orderUpdates { kind } }"
        ));
        assert!(!refused("subscription { a: orderUpdates { kind } ... { a: orderUpdates { cursor } } }"));
        assert!(!refused("not a document"));
    }
}
