//! What a subscriber selects of each update, and with which rights.
//!
//! Decision: `docs/decisions/0006-updates-are-executed-once.md`.

use crate::{domain::Viewer, fairness::Caller, graphql::engine::document::PreparedOperation, service::fingerprint};

/// Hash of a selection and the rights it is read with.
pub type SelectionDigest = [u8; 32];

/// The operation of a subscription. Two subscribers with the same digest get the same result for an update, wherever
/// they began: the arguments of the root field choose updates and have no part in how one is rendered.
pub struct Selection {
    operation: PreparedOperation,
    viewer: Viewer,
    digest: SelectionDigest,
}

impl Selection {
    /// The selection of a subscription that `viewer` opens.
    pub fn new(operation: PreparedOperation, viewer: Viewer) -> Self {
        let parts = [
            format!("{:?}", viewer.rights()),
            operation.text().to_owned(),
            operation.name().to_owned(),
            if operation.reports_cost() { operation.cost().to_string() } else { String::new() },
        ];
        let variables = operation.update_variables().flat_map(|(name, value)| [name.to_string(), value.to_string()]);
        Self { digest: fingerprint(parts.into_iter().chain(variables)), operation, viewer }
    }

    /// Hash of the selection and the viewer's rights.
    pub fn digest(&self) -> SelectionDigest {
        self.digest
    }

    /// The viewer that opened the subscription.
    pub fn viewer(&self) -> Viewer {
        self.viewer
    }

    /// Who the subscription works for.
    pub fn caller(&self) -> Caller {
        self.operation.caller(&self.viewer)
    }

    /// The operation of the subscription.
    pub fn operation(&self) -> &PreparedOperation {
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
        domain::{EventCursor, LogId, Seq, SessionId, UserId, UserRole},
        graphql::{Documents, OperationRequest, schema::SCALARS},
    };

    const DOCUMENT: &str = "subscription ($after: EventCursor, $n: Int) {
        orderUpdates(after: $after) { order { tasks(first: $n) { nodes { id } } } } }";

    fn user(id: u8, role: UserRole, session: u8) -> Viewer {
        Viewer::User { id: UserId::from_bytes([id; 16]), role, session: SessionId::from_bytes([session; 16]) }
    }

    fn prepared(request: OperationRequest) -> Result<PreparedOperation, Box<async_graphql::Response>> {
        let options = crate::app::document_options(&crate::config::Config::default(), None);
        let documents = Documents::new(&crate::graphql::sdl(), SCALARS, true, options).unwrap();
        documents.prepare(request).now_or_never().expect("nothing to wait for").map_err(Box::new)
    }

    fn digest(viewer: Viewer, variables: serde_json::Value) -> [u8; 32] {
        let request = OperationRequest::new(DOCUMENT).variables(Variables::from_json(variables));
        Selection::new(prepared(request).unwrap(), viewer).digest()
    }

    #[test]
    fn staff_share_whatever_their_session_and_cursor_and_customers_do_not() {
        let cursor = |seq| EventCursor::after(LogId::new(1), seq).to_string();
        let of = |viewer, after: Seq, n: i32| digest(viewer, json!({ "after": cursor(after), "n": n }));
        let staff = of(user(1, UserRole::Staff, 1), 1, 1);
        assert_eq!(staff, of(user(2, UserRole::Staff, 2), 2, 1));
        assert_ne!(staff, of(user(1, UserRole::Staff, 1), 1, 2));
        assert_ne!(staff, of(user(1, UserRole::Admin, 1), 1, 1));
        let customer = of(user(1, UserRole::Customer, 1), 1, 1);
        assert_eq!(customer, of(user(1, UserRole::Customer, 2), 2, 1));
        assert_ne!(customer, of(user(2, UserRole::Customer, 1), 1, 1));
        assert_ne!(customer, staff);
    }

    #[test]
    fn one_root_field_only_in_fragments_too() {
        let refused = |document: &str| {
            let errors = prepared(OperationRequest::new(document)).err().map(|response| response.errors);
            errors.is_some_and(|errors| {
                errors.iter().any(|error| error.message.contains("must select only one top level field"))
            })
        };
        assert!(refused("subscription { a: orderUpdates { kind } ... { b: orderUpdates { kind } } }"));
        assert!(refused(
            "subscription { ...F ...G } fragment F on Subscription { a: orderUpdates { kind } } fragment G on Subscription { b: orderUpdates { kind } }"
        ));
        assert!(!refused("subscription { a: orderUpdates { kind } ... { a: orderUpdates { cursor } } }"));
        assert!(!refused("not a document"));
    }
}
