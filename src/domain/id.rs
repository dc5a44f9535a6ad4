//! Opaque, globally unique, type-prefixed and time-sortable identifiers: `ord_01J9Z3NDEKTSV4RRFFQ69G5FAV`.
//!
//! The part after the prefix is a ULID (<https://github.com/ulid/spec>): 48 bits of milliseconds, 80 random bits.
//!
//! Decision: `docs/decisions/0005-import-by-derived-ids.md`.

use ulid::Ulid;

/// The text is not a canonical id of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected {expected} followed by 26 characters of Crockford base32")]
pub struct InvalidId {
    /// The prefix, or prefixes, that would be accepted.
    pub expected: &'static str,
}

/// Accepts only the canonical spelling, so that each id has one text.
pub(super) fn parse_ulid(text: &str) -> Option<Ulid> {
    let ulid = Ulid::from_string(text).ok()?;
    let mut canonical = [0; ulid::ULID_LEN];
    (ulid.array_to_str(&mut canonical) == text).then_some(ulid)
}

/// Declares the id type of an entity, with the prefix of its text form.
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ulid::Ulid);

        const _: () = {
        use std::{fmt, str::FromStr};

        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
        use sha2::{Digest, Sha256};
        use ulid::Ulid;

        use $crate::domain::{InvalidId, Timestamp, id::parse_ulid};

        impl $name {
            /// The type prefix, underscore included.
            pub const PREFIX: &'static str = concat!($prefix, "_");

            /// A new random id that sorts by `at` (milliseconds before 1970 count as 0).
            pub fn generate(at: Timestamp) -> Self {
                Self(Ulid::from_parts(at.unix_millis_clamped(), rand::random()))
            }

            /// The id of an entity of an outside source that has its own `natural_key`. The same arguments give the same
            /// id, so that importing a file twice adds nothing.
            pub fn derived(at: Timestamp, source: &str, natural_key: &str) -> Self {
                let hash = Sha256::new().chain_update($prefix).chain_update([0]).chain_update(source)
                    .chain_update([0]).chain_update(natural_key).finalize();
                let random = hash.iter().take(10).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
                Self(Ulid::from_parts(at.unix_millis_clamped(), random))
            }

            /// The 16 bytes of the id, big-endian: they sort like the id.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The id with these bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }

            /// The ULID without its type.
            pub fn ulid(self) -> Ulid {
                self.0
            }
        }

        impl From<Ulid> for $name {
            fn from(ulid: Ulid) -> Self {
                Self(ulid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(Self::PREFIX)
                    .and_then(parse_ulid)
                    .map(Self)
                    .ok_or(InvalidId { expected: Self::PREFIX })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
        };
    };
}
pub(super) use define_id;

define_id!(
    /// Id of an entry of the event log.
    EventId, "evt"
);
define_id!(
    /// Id of a sign-in session, which is also the family of its refresh tokens.
    SessionId, "ses"
);
define_id!(
    /// Id of a webhook, which is also the name of its consumer.
    WebhookId, "whk"
);
define_id!(
    /// Id of a job.
    JobId, "job"
);
define_id!(
    /// Id of an attempt to deliver an event to a webhook.
    DeliveryId, "dlv"
);

#[cfg(test)]
mod tests {
    use crate::domain::{AnyId, OrderId, Timestamp, UserId};

    #[test]
    fn text_and_bytes_round_trip() {
        let id = OrderId::generate(Timestamp::from_unix_millis(1_700_000_000_000));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(OrderId::from_bytes(id.to_bytes()), id);
        assert_eq!(serde_json::from_str::<OrderId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn ids_sort_by_time_as_text_and_as_bytes() {
        let [early, late] = [1, 2].map(|ms| OrderId::generate(Timestamp::from_unix_millis(ms)));
        assert!(early < late && early.to_string() < late.to_string() && early.to_bytes() < late.to_bytes());
    }

    #[test]
    fn only_the_canonical_spelling_of_the_right_type_is_accepted() {
        let id = OrderId::generate(Timestamp::from_unix_millis(1)).to_string();
        for bad in [
            id.replace("ord_", "prd_"),
            id.to_lowercase(),
            id[..id.len() - 1].to_owned(),
            format!("{id}0"),
            format!(" {id}"),
            "ord_8ZZZZZZZZZZZZZZZZZZZZZZZZZ".to_owned(),
            "ord_".to_owned(),
            String::new(),
            "ör_01".to_owned(),
        ] {
            assert!(bad.parse::<OrderId>().is_err(), "{bad}");
        }
        assert!(matches!(id.parse(), Ok(AnyId::Order(_))));
        assert!("öö".parse::<AnyId>().is_err());
    }

    #[test]
    fn derived_ids_are_stable_and_distinct() {
        let at = Timestamp::from_unix_millis(5);
        assert_eq!(OrderId::derived(at, "s", "1"), OrderId::derived(at, "s", "1"));
        assert_ne!(OrderId::derived(at, "s", "1"), OrderId::derived(at, "s", "2"));
        assert_ne!(OrderId::derived(at, "s", "1").ulid(), UserId::derived(at, "s", "1").ulid());
    }
}
