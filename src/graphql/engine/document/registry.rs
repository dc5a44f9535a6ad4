//! Persisted documents: requests refer to them instead of sending them.
//!
//! Two protocols exist: Apollo's `extensions.persistedQuery` with `version` 1 and `sha256Hash`, and `documentId` of the
//! draft of GraphQL over HTTP. In an open registry, clients register a document by sending it along with its hash. With
//! a [`Manifest`], the server runs the documents of the manifest and no others.
//!
//! Decision: `docs/decisions/0011-registered-operations.md`.

use std::sync::Arc;

use async_graphql::Value;

use super::{
    hash::{DocumentHash, hash, parse_hex},
    manifest::{Manifest, ManifestOperation},
    request::{OperationRequest, RequestErrors},
};
use crate::{
    fairness::Caller,
    graphql::engine::{code, error::refusal},
    service::RegisteredDocuments,
};

/// The documents that requests can refer to.
pub enum Registry {
    /// Documents that clients registered; the server also runs every other document.
    Open(Arc<dyn RegisteredDocuments>),
    /// The documents of a manifest; the server runs no others.
    Only(Manifest),
}

impl Registry {
    /// What a request with this reference registers; `None` if it registers nothing.
    pub(super) fn registration(&self, reference: &DocumentReference) -> Option<Arc<Registration>> {
        match (self, reference) {
            (Self::Open(documents), DocumentReference::Register(hash)) => {
                Some(Arc::new(Registration { documents: documents.clone(), hash: *hash }))
            }
            _ => None,
        }
    }
}

/// The hash under which a request registers its document. That happens when the operation runs, because only then it is
/// known who sends it.
pub(super) struct Registration {
    documents: Arc<dyn RegisteredDocuments>,
    hash: DocumentHash,
}

impl Registration {
    /// Registers a document with this canonical text, unless it is registered already.
    pub async fn register(&self, text: &Arc<str>, registrar: Caller) {
        if self.documents.get(self.hash).await.is_none() {
            self.documents.put(self.hash, text.clone(), registrar).await;
        }
    }
}

/// How a request refers to its document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DocumentReference {
    /// The request only sends the document.
    None,
    /// The request sends the document along with this hash, to register it.
    Register(DocumentHash),
    /// The hash of a registered document.
    Hash(DocumentHash),
    /// An id of the manifest that is not a hash.
    Id(Box<str>),
}

impl DocumentReference {
    /// Fails if the request contradicts itself or follows no known protocol.
    pub fn from_request(request: &OperationRequest) -> Result<Self, RequestErrors> {
        let sent = request.query.as_deref().filter(|query| !query.is_empty());
        let bad = |message: &str| Err(vec![refusal(code::BAD_USER_INPUT, message)]);
        let by_apollo = request.extensions.get("persistedQuery").filter(|value| **value != Value::Null);
        match (&request.document_id, by_apollo) {
            (None, None) => Ok(Self::None),
            (Some(_), _) if sent.is_some() => bad("Send `query` or `documentId`, not both."),
            (Some(_), Some(_)) => bad("Send `documentId` or `extensions.persistedQuery`, not both."),
            (Some(id), None) => Ok(id
                .strip_prefix("sha256:")
                .and_then(parse_hex)
                .map_or_else(|| Self::Id(id.as_str().into()), Self::Hash)),
            (None, Some(Value::Object(apollo))) => {
                if apollo.get("version") != Some(&Value::from(1)) {
                    return bad("Unsupported persisted query version");
                }
                let Some(Value::String(id)) = apollo.get("sha256Hash") else {
                    return bad("`extensions.persistedQuery.sha256Hash` must be a string.");
                };
                match (parse_hex(id), sent) {
                    (Some(given), None) => Ok(Self::Hash(given)),
                    (Some(given), Some(query)) if hash(query) == given => Ok(Self::Register(given)),
                    (_, Some(_)) => bad("provided sha does not match query"),
                    (None, None) => Ok(Self::Id(id.as_str().into())),
                }
            }
            (None, Some(_)) => bad("`extensions.persistedQuery` must be an object."),
        }
    }
}

/// The error to which Apollo's clients answer by sending the document.
pub(super) fn not_found() -> RequestErrors {
    vec![refusal(code::PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")]
}

/// The error for an id in an open registry, where the only ids are hashes.
pub(super) fn unknown_id() -> RequestErrors {
    let message = "There is no document with this id: name it by `sha256:` and its hash.";
    vec![refusal(code::PERSISTED_QUERY_NOT_FOUND, message)]
}

/// Finds the operation of the manifest that a request refers to, or whose document it sends.
pub(super) fn find_in_manifest<'a>(
    manifest: &'a Manifest,
    reference: &DocumentReference,
    query: &str,
) -> Result<&'a ManifestOperation, RequestErrors> {
    let found = match reference {
        DocumentReference::None => manifest.with_hash(hash(query)),
        DocumentReference::Register(given) => manifest.with_hash(*given),
        DocumentReference::Hash(given) => manifest.with_id(&hex::encode(*given)).or_else(|| manifest.with_hash(*given)),
        DocumentReference::Id(id) => manifest.with_id(id),
    };
    found.ok_or_else(|| {
        vec![match reference {
            DocumentReference::None | DocumentReference::Register(_) => refusal(
                code::FORBIDDEN,
                "This server runs the operations of its manifest only, and this document is none of them.",
            ),
            DocumentReference::Hash(_) | DocumentReference::Id(_) => refusal(
                code::PERSISTED_QUERY_NOT_FOUND,
                "This server runs the operations of its manifest only, and there is none with this id.",
            ),
        }]
    })
}
