//! Documents that requests name instead of sending them.
//!
//! Two protocols name them: Apollo's, `extensions.persistedQuery` with `version` 1 and `sha256Hash`, and the draft of
//! GraphQL over HTTP, `documentId`. In the open registry clients register documents themselves, by sending one along with
//! its hash; in one made of a [`Manifest`], only the documents of the manifest are run.
//!
//! Decision: `docs/decisions/0011-registered-operations.md`.

use std::sync::Arc;

use async_graphql::Value;

use super::{DocumentHash, Manifest, OperationRequest, Refusal, hash};
use crate::{
    graphql::engine::{code, error::refusal},
    service::{MemoryDocuments, RegisteredDocuments},
};

/// Which documents can be named.
pub enum Registry {
    /// Those that clients registered; every other document is run too.
    Open(Arc<dyn RegisteredDocuments>),
    /// These, and no other document is run.
    Only(Manifest),
}

impl Default for Registry {
    fn default() -> Self {
        Self::Open(Arc::new(MemoryDocuments::default()))
    }
}

/// How a request names its document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It sends it.
    No,
    /// It sends it along with its hash, to be registered.
    Registers(DocumentHash),
    /// By its hash.
    Hash(DocumentHash),
    /// By an id that is no hash.
    Id(Box<str>),
}

impl Named {
    /// Fails when the request contradicts itself, or is not of a protocol that is known.
    pub fn by(request: &OperationRequest) -> Result<Self, Refusal> {
        let sent = request.query.as_deref().filter(|query| !query.is_empty());
        let bad = |message: &str| Err(vec![refusal(code::BAD_USER_INPUT, message)]);
        let by_apollo = request.extensions.get("persistedQuery").filter(|value| **value != Value::Null);
        match (&request.document_id, by_apollo) {
            (None, None) => Ok(Self::No),
            (Some(_), _) if sent.is_some() => bad("Send `query` or `documentId`, not both."),
            (Some(_), Some(_)) => bad("Send `documentId` or `extensions.persistedQuery`, not both."),
            (Some(id), None) => Ok(id
                .strip_prefix("sha256:")
                .and_then(from_hex)
                .map_or_else(|| Self::Id(id.as_str().into()), Self::Hash)),
            (None, Some(Value::Object(apollo))) => {
                if apollo.get("version") != Some(&Value::from(1)) {
                    return bad("Unsupported persisted query version");
                }
                let Some(Value::String(id)) = apollo.get("sha256Hash") else {
                    return bad("`extensions.persistedQuery.sha256Hash` must be a string.");
                };
                match (from_hex(id), sent) {
                    (Some(named), None) => Ok(Self::Hash(named)),
                    (Some(named), Some(query)) if hash(query) == named => Ok(Self::Registers(named)),
                    (_, Some(_)) => bad("provided sha does not match query"),
                    (None, None) => Ok(Self::Id(id.as_str().into())),
                }
            }
            (None, Some(_)) => bad("`extensions.persistedQuery` must be an object."),
        }
    }
}

/// As Apollo's clients expect it: they send the document then.
pub(super) fn not_found() -> Refusal {
    vec![refusal(code::PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")]
}

/// In the open registry, documents have no ids but their hashes.
pub(super) fn no_such_id() -> Refusal {
    let message = "There is no document with this id: name it by `sha256:` and its hash.";
    vec![refusal(code::PERSISTED_QUERY_NOT_FOUND, message)]
}

impl Manifest {
    /// The operation that a request asks for by name, or by sending just its document.
    pub(super) fn find(&self, named: &Named, query: &str) -> Result<&super::manifest::Operation, Refusal> {
        let found = match named {
            Named::No => self.with_hash(hash(query)),
            Named::Registers(named) => self.with_hash(*named),
            Named::Hash(named) => self.with_id(&hex::encode(*named)).or_else(|| self.with_hash(*named)),
            Named::Id(id) => self.with_id(id),
        };
        found.ok_or_else(|| {
            vec![match named {
                Named::No | Named::Registers(_) => refusal(
                    code::FORBIDDEN,
                    "This server runs the operations of its manifest only, and this document is none of them.",
                ),
                Named::Hash(_) | Named::Id(_) => refusal(
                    code::PERSISTED_QUERY_NOT_FOUND,
                    "This server runs the operations of its manifest only, and there is none with this id.",
                ),
            }]
        })
    }
}

/// Parses a hash that is written as 64 hexadecimal digits.
fn from_hex(text: &str) -> Option<DocumentHash> {
    let mut hash = DocumentHash::default();
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}
