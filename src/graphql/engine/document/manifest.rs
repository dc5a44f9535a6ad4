//! Manifests of operations: the documents that the clients of a deployment were built with, by id.
//!
//! Decision: `docs/decisions/0011-registered-operations.md`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Deserialize;

use super::hash::{DocumentHash, hash};

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ManifestError {
    /// It is not JSON, or not in a known format.
    #[error(
        "not a manifest of operations: {0}; expected Apollo's, `{{\"format\": \"apollo-persisted-query-manifest\", \"version\": 1, \"operations\": […]}}`, or a map of ids to documents, as Relay and GraphQL Code Generator write it"
    )]
    Format(String),
    /// It contains no operation.
    #[error("the manifest has no operations")]
    Empty,
    /// Two operations have the same id.
    #[error("two operations of the manifest have the id {0:?}")]
    DuplicateId(String),
}

/// The operations of a manifest, by id and by the hash of their document.
#[derive(Debug)]
pub struct Manifest {
    /// Sorted, so that the first invalid operation is always the same one.
    by_id: BTreeMap<Box<str>, ManifestOperation>,
    ids: HashMap<DocumentHash, Box<str>>,
}

/// An operation of a manifest.
#[derive(Debug)]
pub(super) struct ManifestOperation {
    /// The document.
    pub text: Arc<str>,
    pub hash: DocumentHash,
    /// Name of the operation in the document; only Apollo's format has it.
    pub name: Option<Box<str>>,
}

/// The format of `@apollo/generate-persisted-query-manifest`.
#[derive(Deserialize)]
struct ApolloManifest {
    format: String,
    version: u32,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
    #[serde(default)]
    name: Option<Box<str>>,
}

impl Manifest {
    /// Reads a manifest in one of the formats that the message of [`ManifestError::Format`] lists.
    pub fn parse(json: &str) -> Result<Self, ManifestError> {
        let invalid = |error: serde_json::Error| ManifestError::Format(error.to_string());
        let members: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).map_err(invalid)?;
        let operations: Vec<ApolloOperation> = if members.get("operations").is_some_and(serde_json::Value::is_array) {
            let manifest: ApolloManifest = serde_json::from_str(json).map_err(invalid)?;
            if manifest.format != "apollo-persisted-query-manifest" || manifest.version != 1 {
                return Err(ManifestError::Format(format!(
                    "format {:?}, version {}",
                    manifest.format, manifest.version
                )));
            }
            manifest.operations
        } else {
            let documents: BTreeMap<String, String> = serde_json::from_str(json).map_err(invalid)?;
            documents.into_iter().map(|(id, body)| ApolloOperation { id, body, name: None }).collect()
        };
        if operations.is_empty() {
            return Err(ManifestError::Empty);
        }
        let (mut by_id, mut ids) = (BTreeMap::new(), HashMap::new());
        for ApolloOperation { id, body, name } in operations {
            let id: Box<str> = id.into();
            let operation = ManifestOperation { hash: hash(&body), name, text: body.into() };
            ids.insert(operation.hash, id.clone());
            if by_id.insert(id.clone(), operation).is_some() {
                return Err(ManifestError::DuplicateId(id.into()));
            }
        }
        Ok(Self { by_id, ids })
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = (&str, &ManifestOperation)> {
        self.by_id.iter().map(|(id, operation)| (&**id, operation))
    }

    pub(super) fn with_id(&self, id: &str) -> Option<&ManifestOperation> {
        self.by_id.get(id)
    }

    pub(super) fn with_hash(&self, hash: DocumentHash) -> Option<&ManifestOperation> {
        self.with_id(self.ids.get(&hash)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_manifest_format_is_read() {
        let apollo = r#"{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
            { "id": "a1", "name": "A", "type": "query", "body": "query A { me { id } }" },
            { "id": "b2", "name": "B", "type": "mutation", "body": "mutation B { logout { userErrors { code } } }" }] }"#;
        let manifest = Manifest::parse(apollo).unwrap();
        assert_eq!(manifest.operations().map(|(id, _)| id).collect::<Vec<_>>(), ["a1", "b2"]);
        let found = manifest.with_hash(hash("query A { me { id } }")).unwrap();
        assert_eq!((&*found.text, found.name.as_deref()), ("query A { me { id } }", Some("A")));
        let map =
            Manifest::parse(r#"{ "0123abcd": "query A { me { id } }", "operations": "{ me { name } }" }"#).unwrap();
        assert_eq!(&*map.with_id("0123abcd").unwrap().text, "query A { me { id } }");
        assert_eq!(&*map.with_id("operations").unwrap().text, "{ me { name } }");
        assert!(map.with_id("other").is_none() && map.with_hash(hash("{ me }")).is_none());
    }

    #[test]
    fn invalid_manifests_are_refused_with_the_reason() {
        for (json, reason) in [
            ("", "not a manifest of operations"),
            ("[]", "not a manifest of operations"),
            ("{ \"a\": 1 }", "not a manifest of operations"),
            ("{}", "no operations"),
            (r#"{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [] }"#, "no operations"),
            (r#"{ "format": "other", "version": 1, "operations": [] }"#, "format \"other\""),
            (r#"{ "format": "apollo-persisted-query-manifest", "version": 2, "operations": [] }"#, "version 2"),
            (r#"{ "operations": [] }"#, "missing field"),
            (
                r#"{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
                    { "id": "a", "body": "{ a }" }, { "id": "a", "body": "{ b }" }] }"#,
                "have the id \"a\"",
            ),
        ] {
            let error = Manifest::parse(json).unwrap_err().to_string();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
