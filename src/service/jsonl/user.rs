//! The line of a user.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, finish},
    values::{Items, Text, metadata},
};
use crate::{
    domain::{Timestamp, User, UserId, UserRole},
    service::input::Checks,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserRecord<'l> {
    id: UserId,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'l, str>>,
    #[serde(borrow)]
    name: Cow<'l, str>,
    role: UserRole,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    region: Option<Cow<'l, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Text<Timestamp>>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    metadata: Items<'l>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    private_metadata: Items<'l>,
    version: i32,
    created_at: Text<Timestamp>,
    updated_at: Text<Timestamp>,
}

impl<'l> From<&'l User> for UserRecord<'l> {
    fn from(user: &'l User) -> Self {
        Self {
            id: user.id,
            email: user.email.as_deref().map(Cow::Borrowed),
            name: Cow::Borrowed(&user.name),
            role: user.role,
            region: user.region.as_deref().map(Cow::Borrowed),
            deleted_at: user.deleted_at.map(Text),
            metadata: Items(Cow::Borrowed(&user.metadata.public)),
            private_metadata: Items(Cow::Borrowed(&user.metadata.private)),
            version: user.version,
            created_at: Text(user.created_at),
            updated_at: Text(user.updated_at),
        }
    }
}

impl UserRecord<'_> {
    /// The user, if the line keeps the rules.
    pub(super) fn check(self) -> Result<User, Fault> {
        let mut checks = Checks::default();
        let email = self.email.as_deref().map(|email| checks.email("email", email));
        let name = checks.line("name", &self.name);
        let region = checks.optional_line("region", self.region.as_deref());
        checks.version(self.version);
        let metadata = metadata(self.metadata, self.private_metadata);
        match (self.deleted_at, &email) {
            (None, None) => checks.fault(&["email"], "must be there unless the user is deleted"),
            (Some(_), Some(_)) => checks.fault(&["email"], "must not be there when the user is deleted"),
            (Some(_), None) if !metadata.is_empty() => {
                checks.fault(&["metadata"], "must not be there when the user is deleted");
            }
            _ => {}
        }
        finish(checks)?;
        Ok(User {
            id: self.id,
            email,
            name,
            role: self.role,
            region,
            deleted_at: self.deleted_at.map(|at| at.0),
            metadata,
            version: self.version,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
