//! Changes that end rights. The log has an entry for each, so that every node hears of it and ends the connections that
//! were opened with those rights. Clients never see these entries.
//!
//! Decision: `docs/decisions/0021-rights-end-by-the-log.md`.

use serde::{Deserialize, Serialize};

use super::{SessionId, User, UserId, UserRole};

/// Most sessions that one entry names, so that an entry stays small: 30 kB.
const SESSIONS_PER_ENTRY: usize = 1000;

/// A change that ended rights of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsChange {
    /// The user.
    pub user: UserId,
    /// What ended.
    pub ended: EndedRights,
}

/// What a change ended of a user's rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndedRights {
    /// These sessions. They are named one by one, so that a session that began after the change does not end with them.
    Sessions(Vec<SessionId>),
    /// Every role but this one, which the user has after the change.
    RolesOtherThan(UserRole),
    /// Everything: the user was deleted.
    Everything,
}

impl RightsChange {
    /// The end of these sessions of a user, of any number.
    pub fn sessions(user: UserId, ended: &[SessionId]) -> Vec<Self> {
        let entry = |sessions: &[SessionId]| Self { user, ended: EndedRights::Sessions(sessions.to_vec()) };
        ended.chunks(SESSIONS_PER_ENTRY).map(entry).collect()
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
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Metadata, Timestamp},
        *,
    };

    fn user(role: UserRole) -> User {
        let at = Timestamp::from_unix_millis(1);
        User {
            metadata: Metadata::default(),
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
    fn an_entry_names_a_bounded_number_of_sessions() {
        let user = UserId::from_bytes([1; 16]);
        let ended: Vec<SessionId> = (0..2500_u128).map(|number| SessionId::from_bytes(number.to_be_bytes())).collect();
        assert_eq!(RightsChange::sessions(user, &[]), []);
        let changes = RightsChange::sessions(user, &ended);
        let named: Vec<&[SessionId]> = changes
            .iter()
            .map(|change| match &change.ended {
                EndedRights::Sessions(sessions) => &**sessions,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(named, [&ended[..1000], &ended[1000..2000], &ended[2000..]]);
        assert!(serde_json::to_string(&changes[0]).unwrap().len() < 40_000);
    }

    /// Changing a text would make entries unreadable that other nodes have written.
    #[test]
    fn the_stored_form_never_changes() {
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        for (ended, json) in [
            (EndedRights::Sessions(vec![session]), format!(r#"{{"SESSIONS":["{session}"]}}"#)),
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
