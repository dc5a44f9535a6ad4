//! Changes that end rights. The log has an entry for each, so that every node hears of it and ends the connections that
//! were opened with those rights. Clients never see these entries.

use serde::{Deserialize, Serialize};

use super::{EventDraft, EventKind, SessionId, Stamp, Timestamp, User, UserId, UserRole};

/// A change that ended rights of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsChange {
    /// The user.
    pub user: UserId,
    /// What ended.
    pub ended: EndedRights,
}

/// What a change ended of a user's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndedRights {
    /// One session.
    Session(SessionId),
    /// All sessions: the user signed out everywhere, or the password is another one.
    AllSessions,
    /// Every role but this one, which the user has after the change.
    RolesOtherThan(UserRole),
    /// Everything: the user was deleted.
    Everything,
}

impl RightsChange {
    /// The end of one session.
    pub fn session(user: UserId, session: SessionId) -> Self {
        Self { user, ended: EndedRights::Session(session) }
    }

    /// The end of all sessions of a user.
    pub fn all_sessions(user: UserId) -> Self {
        Self { user, ended: EndedRights::AllSessions }
    }

    /// What a change of a user ended; `None` if it left their rights as they were.
    pub fn between(before: &User, after: &User) -> Option<Self> {
        let ended = if after.is_deleted() && !before.is_deleted() {
            EndedRights::Everything
        } else if after.role != before.role {
            EndedRights::RolesOtherThan(after.role)
        } else {
            return None;
        };
        Some(Self { user: after.id, ended })
    }

    /// Whether the change ended what a connection of the user has that was opened in this session with this role.
    pub fn ends(&self, session: SessionId, role: UserRole) -> bool {
        match self.ended {
            EndedRights::Session(ended) => session == ended,
            EndedRights::RolesOtherThan(current) => role != current,
            EndedRights::AllSessions | EndedRights::Everything => true,
        }
    }

    /// The entry of the change. It names no author, because nobody reads it.
    pub fn draft(self, at: Timestamp) -> EventDraft {
        EventDraft::new(EventKind::Updated, self, Stamp { actor: None, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(role: UserRole) -> User {
        let at = Timestamp::from_unix_millis(1);
        User {
            id: UserId::from_bytes([1; 16]),
            email: Some("anna@example.com".to_owned()),
            name: "Anna".to_owned(),
            role,
            region: None,
            deleted_at: None,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn another_role_and_a_deletion_end_rights_and_another_name_does_not() {
        let at = Timestamp::from_unix_millis(2);
        let (staff, admin) = (user(UserRole::Staff), user(UserRole::Admin));
        let renamed = User { name: "Berta".to_owned(), version: 2, ..staff.clone() };
        assert_eq!(RightsChange::between(&staff, &renamed), None);
        let ended = |before: &User, after: &User| RightsChange::between(before, after).map(|change| change.ended);
        assert_eq!(ended(&staff, &admin), Some(EndedRights::RolesOtherThan(UserRole::Admin)));
        let deleted = staff.clone().anonymise(at).unwrap();
        assert_eq!(ended(&staff, &deleted), Some(EndedRights::Everything));
        let customer = user(UserRole::Customer);
        assert_eq!(ended(&customer, &customer.clone().anonymise(at).unwrap()), Some(EndedRights::Everything));
    }

    #[test]
    fn a_change_ends_the_connections_that_have_what_it_ended() {
        use EndedRights::*;
        let [one, other] = [1, 2].map(|number| SessionId::from_bytes([number; 16]));
        let user = UserId::from_bytes([1; 16]);
        for (ended, expected) in [
            (Session(one), [true, true, false, false]),
            (RolesOtherThan(UserRole::Staff), [false, true, false, true]),
            (AllSessions, [true; 4]),
            (Everything, [true; 4]),
        ] {
            let change = RightsChange { user, ended };
            let connections =
                [one, other].map(|session| [UserRole::Staff, UserRole::Admin].map(|role| (session, role)));
            let ends: Vec<bool> =
                connections.concat().iter().map(|(session, role)| change.ends(*session, *role)).collect();
            assert_eq!(ends, expected, "{ended:?}");
        }
    }

    /// Changing a text would make entries unreadable that other nodes have written.
    #[test]
    fn the_stored_form_never_changes() {
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        for (ended, json) in [
            (EndedRights::Session(session), format!(r#"{{"SESSION":"{session}"}}"#)),
            (EndedRights::AllSessions, r#""ALL_SESSIONS""#.to_owned()),
            (EndedRights::RolesOtherThan(UserRole::Staff), r#"{"ROLES_OTHER_THAN":"STAFF"}"#.to_owned()),
            (EndedRights::Everything, r#""EVERYTHING""#.to_owned()),
        ] {
            let change = RightsChange { user, ended };
            let stored = format!(r#"{{"user":"{user}","ended":{json}}}"#);
            assert_eq!(serde_json::to_string(&change).unwrap(), stored);
            assert_eq!(serde_json::from_str::<RightsChange>(&stored).unwrap(), change);
        }
    }
}
