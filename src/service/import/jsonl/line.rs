//! The lines of an export, one entity each, as JSON: `{"product":{…}}`, `{"order":{…}}`, `{"task":{…}}`, `{"user":{…}}`, or
//! `{"account":{"user":{…},"passwordHash":"…"}}` for a user with the hash of their password. Amounts are whole numbers of
//! 1/10,000, times are milliseconds since 1970 (UTC).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{Order, Product, Task, User},
    storage::{Credentials, ExportBatch},
};

/// An entity of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// A product.
    Product(Product),
    /// An order with its items and history.
    Order(Order),
    /// A task.
    Task(Task),
    /// A user without their password.
    User(User),
    /// A user with the hash of their password.
    #[serde(rename_all = "camelCase")]
    Account {
        /// The user.
        user: User,
        /// The PHC string of the password's hash.
        password_hash: String,
    },
}

impl Line {
    /// The lines of a part of an export, users with their password hashes only if that is asked for.
    pub fn of_batch(batch: ExportBatch, with_password_hashes: bool) -> Vec<Self> {
        let account = |Credentials { user, password_hash }| match password_hash.filter(|_| with_password_hashes) {
            Some(password_hash) => Self::Account { user, password_hash },
            None => Self::User(user),
        };
        match batch {
            ExportBatch::Products(products) => products.into_iter().map(Self::Product).collect(),
            ExportBatch::Orders(orders) => orders.into_iter().map(Self::Order).collect(),
            ExportBatch::Tasks(tasks) => tasks.into_iter().map(Self::Task).collect(),
            ExportBatch::Users(users) => users.into_iter().map(account).collect(),
        }
    }

    /// The entity of a line. The error says what is wrong, for people.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let line: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        // Unknown fields are ignored in the event log, but here they would be lost.
        let given: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let kept = serde_json::to_value(&line).map_err(|error| error.to_string())?;
        match unknown(&given, &kept, "") {
            Some(field) => Err(format!("unknown field {field}")),
            None => Ok(line),
        }
    }

    /// The id of the entity without its type.
    pub(super) fn id(&self) -> ulid::Ulid {
        match self {
            Self::Product(product) => product.id.ulid(),
            Self::Order(order) => order.id.ulid(),
            Self::Task(task) => task.id.ulid(),
            Self::User(user) | Self::Account { user, .. } => user.id.ulid(),
        }
    }

    /// Which kind of entity it is.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Product(_) => Kind::Products,
            Self::Order(_) => Kind::Orders,
            Self::Task(_) => Kind::Tasks,
            Self::User(_) | Self::Account { .. } => Kind::Users,
        }
    }
}

/// A kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Products.
    Products,
    /// Orders.
    Orders,
    /// Tasks.
    Tasks,
    /// Users, with and without the hashes of their passwords.
    Users,
}

/// The path of a field that is given and was not kept.
fn unknown(given: &Value, kept: &Value, path: &str) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match kept.get(key) {
                Some(kept) => unknown(value, kept, &path),
                // What is left out when it is empty may be given as empty.
                None if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) => None,
                None => Some(path.escape_debug().take(100).collect()),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => given
            .iter()
            .zip(kept)
            .enumerate()
            .find_map(|(place, (given, kept))| unknown(given, kept, &format!("{path}.{place}"))),
        _ => None,
    }
}
