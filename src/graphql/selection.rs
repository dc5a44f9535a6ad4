//! What a subscriber wants to know of each update, and with which rights.

use std::{
    collections::{BTreeSet, HashSet},
    convert::Infallible,
};

use async_graphql::{
    Name, Positioned, Request, Variables,
    parser::types::{Directive, ExecutableDocument, OperationDefinition, Selection as Selected, SelectionSet},
};

use async_graphql_value::{ConstValue, Value};

use super::{
    error::{ApiError, ApiResult},
    shape::operation,
};
use crate::{domain::Viewer, service::fingerprint};

/// The operation of a subscription. Of two with the same digest each gets for an update what the other gets, wherever
/// they began: the arguments of the root field choose updates and have no part in what is told of them.
pub(super) struct Selection {
    query: Box<str>,
    operation: Option<Box<str>>,
    variables: Variables,
    viewer: Viewer,
    digest: [u8; 32],
}

impl Selection {
    /// Of a subscription that a viewer asks for. Fails when it selects more than one field (GraphQL, section 5.2.3.1).
    pub fn of(request: &mut Request, viewer: Viewer) -> ApiResult<Self> {
        let name = request.operation_name.clone();
        let mut walk = Walk::default();
        if let Ok(document) = request.parsed_query() {
            walk.document(document, operation(document, name.as_deref()));
        }
        if walk.root_keys.len() > 1 {
            return Err(ApiError::bad_input("a subscription selects one field; send an operation for each"));
        }
        let parts = [format!("{:?}", viewer.rights()), request.query.clone(), name.clone().unwrap_or_default()];
        let used = request.variables.iter().filter(|(name, _)| walk.variables.contains(*name));
        let variables = used.flat_map(|(name, value)| [name.to_string(), value.to_string()]);
        Ok(Self {
            digest: fingerprint(parts.into_iter().chain(variables)),
            query: request.query.as_str().into(),
            operation: name.map(Into::into),
            variables: request.variables.clone(),
            viewer,
        })
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
    pub fn request(&self) -> Request {
        let mut request = Request::new(&*self.query).variables(self.variables.clone());
        request.operation_name = self.operation.as_deref().map(Into::into);
        request
    }
}

/// A look at every part of a document once, without following fragments.
#[derive(Default)]
struct Walk {
    root_keys: BTreeSet<Name>,
    /// Variables used anywhere but in the arguments of root fields.
    variables: HashSet<Name>,
}

impl Walk {
    fn document(&mut self, document: &ExecutableDocument, operation: Option<&Positioned<OperationDefinition>>) {
        if let Some(operation) = operation {
            self.directives(&operation.node.directives);
            self.set(&operation.node.selection_set.node, true);
        }
        for fragment in document.fragments.values().map(|fragment| &fragment.node) {
            self.directives(&fragment.directives);
            self.set(&fragment.selection_set.node, fragment.type_condition.node.on.node == "Subscription");
        }
    }

    fn set(&mut self, set: &SelectionSet, root: bool) {
        for selected in set.items.iter().map(|item| &item.node) {
            self.directives(selected.directives());
            match selected {
                Selected::Field(field) => {
                    if root {
                        self.root_keys.insert(field.node.response_key().node.clone());
                    } else {
                        self.arguments(&field.node.arguments);
                    }
                    self.set(&field.node.selection_set.node, false);
                }
                Selected::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node, root),
                Selected::FragmentSpread(_) => {}
            }
        }
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        directives.iter().for_each(|directive| self.arguments(&directive.node.arguments));
    }

    fn arguments(&mut self, arguments: &[(Positioned<Name>, Positioned<Value>)]) {
        for (_, value) in arguments {
            // Made constant only for the look at every variable in it.
            let _ = value.node.clone().into_const_with(|name| {
                self.variables.insert(name);
                Ok::<_, Infallible>(ConstValue::Null)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{SessionId, UserId, UserRole};
    use serde_json::json;

    const DOCUMENT: &str = "subscription ($after: EventCursor, $n: Int) {
        orderUpdates(after: $after) { order { tasks(first: $n) { nodes { id } } } } }";

    fn user(id: u8, role: UserRole, session: u8) -> Viewer {
        Viewer::User { id: UserId::from_bytes([id; 16]), role, session: SessionId::from_bytes([session; 16]) }
    }

    fn digest(viewer: Viewer, variables: serde_json::Value) -> [u8; 32] {
        let mut request = Request::new(DOCUMENT).variables(Variables::from_json(variables));
        Selection::of(&mut request, viewer).unwrap().digest()
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
        let of = |document: &str| Selection::of(&mut Request::new(document), Viewer::Anonymous).map(|_| ());
        assert!(of("subscription { a: orderUpdates { kind } ... { b: orderUpdates { kind } } }").is_err());
        assert!(
            of("subscription { ...F ...G } fragment F on Subscription { a } fragment G on Subscription { b }").is_err()
        );
        assert!(of("subscription { a { kind } ... { a { cursor } } }").is_ok());
        assert!(of("not a document").is_ok());
    }
}
