//! What happens to an operation before any resolver runs.
//!
//! [`Documents::prepare`] takes a request as it comes and gives an operation that can be run, or the errors that refuse
//! it. In this order, each step bounding the work of the next:
//!
//! 1. The document is found: it is in the request, or it was registered and is named ([`registry`]).
//! 2. Its length, tokens and nesting are limited before it is parsed ([`lexer`]).
//! 3. Parsed, it is measured with fragments spread out, looking at each fragment once ([`measure`]).
//! 4. It is validated against the schema, without its variables ([`validator`], [`arguments`]).
//! 5. What can be known of the operation is worked out: its cost as a function of variables ([`cost`]), the shape of its
//!    results ([`shape`]), what a subscription tells ([`told`]).
//! 6. The variables are checked and completed ([`variables`]), and the cost with them is limited.
//!
//! What the steps 2 to 5 make of a valid document is kept: a document that comes again goes from 1 to 6 at once. One that
//! is not valid leaves nothing behind.
//!
//! Decision: `docs/decisions/0010-documents-are-prepared-once.md`.

mod arguments;
pub(crate) mod cost;
mod lexer;
mod limits;
mod manifest;
mod measure;
mod prepared_operation;
mod registry;
mod request;
mod shape;
mod types;
mod update_variables;
mod validator;
mod values;
mod variables;

use std::sync::Arc;

use async_graphql::{
    ObjectType, Positioned, Response, SchemaBuilder, ServerError, SubscriptionType,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::{
    code,
    error::{self, refusal},
};
use crate::telemetry::metrics::{CacheName, metrics};
pub use cost::{ArgumentCost, ArgumentPath, CostRule, CostRules, FieldCost, ListSize};
pub use limits::DocumentLimits;
pub use limits::MAX_NESTING;
pub use manifest::{Manifest, ManifestError};
use prepared_operation::Document;
pub use prepared_operation::PreparedOperation;
use registry::Named;
pub use registry::Registry;
pub use request::OperationRequest;
use types::SchemaTypes;
use validator::Validator;

/// The SHA-256 hash of a document.
pub type DocumentHash = [u8; 32];

/// All that is wrong with a request.
type Refusal = Vec<ServerError>;

/// How documents are treated.
pub struct DocumentOptions {
    /// What they may be at most.
    pub limits: DocumentLimits,
    /// How much of them is kept, in bytes. Default: 32 MiB.
    pub cache: u64,
    /// Which can be named instead of being sent. Default: those that clients register with this node.
    pub registry: Registry,
}

impl Default for DocumentOptions {
    fn default() -> Self {
        Self { limits: DocumentLimits::default(), cache: 32 * 1024 * 1024, registry: Registry::default() }
    }
}

/// A document in a manifest that the schema, or a limit, does not allow.
#[derive(Debug, thiserror::Error)]
#[error("the operation {id:?} is not valid: {reason}")]
pub struct InvalidOperation {
    /// Its name, or its id in the manifest.
    pub id: String,
    /// All that is wrong.
    pub reason: String,
}

/// The documents of a schema.
pub struct Documents {
    types: SchemaTypes,
    costs: CostRules,
    validator: Validator,
    limits: DocumentLimits,
    registry: Registry,
    known: Cache<(DocumentHash, Option<Box<str>>), Arc<Document>>,
}

impl Documents {
    /// For the schema that `schema` builds, whose fields cost what `costs` say. Fails when a document of its manifest is not valid.
    pub fn new<Q, M, S>(
        schema: SchemaBuilder<Q, M, S>,
        costs: CostRules,
        options: DocumentOptions,
    ) -> Result<Self, InvalidOperation>
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let DocumentOptions { limits, cache, registry } = options;
        let (validator, sdl) = Validator::new(schema);
        let known = Cache::builder().max_capacity(cache).weigher(|_, document: &Arc<Document>| document.weight).build();
        let documents = Self { types: SchemaTypes::new(&sdl), costs, validator, limits, registry, known };
        if let Registry::Only(manifest) = &documents.registry {
            for (id, operation) in manifest.operations() {
                documents.document(hash(&operation.text), &operation.text, operation.name.clone()).map_err(
                    |errors| {
                        let reasons: Vec<String> = errors.into_iter().map(|error| error.message).collect();
                        let id = operation.name.as_deref().unwrap_or(id).to_owned();
                        InvalidOperation { id, reason: reasons.join("; ") }
                    },
                )?;
            }
        }
        Ok(documents)
    }

    /// Makes a request an operation that can be run. The errors have codes.
    pub async fn prepare(&self, request: OperationRequest) -> Result<PreparedOperation, Response> {
        self.check(request).await.map_err(|errors| {
            let mut response = Response::from_errors(errors);
            error::add_codes(&mut response);
            response
        })
    }

    async fn check(&self, request: OperationRequest) -> Result<PreparedOperation, Refusal> {
        metrics().cache_lookups.get(CacheName::Documents).inc();
        // Before it is hashed.
        let sent = request.query.as_ref().map_or(0, String::len);
        limits::check("bytes", sent as u64, self.limits.bytes).map_err(|error| vec![error])?;
        let named = Named::by(&request)?;
        let OperationRequest { query, operation_name, variables, .. } = request;
        let name = operation_name.map(Into::into);
        let document = self.find(named, query.unwrap_or_default(), name).await?;
        let variables = variables::coerce(&self.types, document.variables(), variables)?;
        let cost = document.cost.value(&variables);
        limits::check("cost", cost, self.limits.cost).map_err(|error| vec![error])?;
        let reports_cost =
            request.extensions.get("cost").is_some_and(|cost| *cost == async_graphql::Value::Boolean(true));
        Ok(PreparedOperation {
            document,
            variables,
            cost,
            limit: self.limits.cost,
            reports_cost,
            resume: None,
            client: None,
        })
    }

    /// The document that a request names or has.
    async fn find(&self, named: Named, query: String, name: Option<Box<str>>) -> Result<Arc<Document>, Refusal> {
        match (&self.registry, named) {
            (Registry::Open(_), Named::No) => self.document(hash(&query), &query, name),
            (Registry::Open(store), Named::Registers(asked)) => {
                let document = self.document(asked, &query, name)?;
                if store.get(asked).await.is_none() {
                    store.put(asked, document.text.clone()).await;
                }
                Ok(document)
            }
            (Registry::Open(store), Named::Hash(asked)) => {
                let key = (asked, name);
                if let Some(document) = self.known.get(&key) {
                    return Ok(document);
                }
                let text = store.get(asked).await.ok_or_else(registry::not_found)?;
                self.document(asked, &text, key.1)
            }
            (Registry::Open(_), Named::Id(_)) => Err(registry::no_such_id()),
            (Registry::Only(manifest), named) => {
                let operation = manifest.find(&named, &query)?;
                let name = name.or_else(|| operation.name.clone());
                self.document(operation.hash, &operation.text, name)
            }
        }
    }

    /// The document with this text, valid. `name` is of the operation that is asked for.
    fn document(&self, hash: DocumentHash, text: &str, name: Option<Box<str>>) -> Result<Arc<Document>, Refusal> {
        let key = (hash, name);
        if let Some(document) = self.known.get(&key) {
            return Ok(document);
        }
        metrics().cache_misses.get(CacheName::Documents).inc();
        let document = Arc::new(self.read(text, key.1.clone())?);
        self.known.insert(key, document.clone());
        Ok(document)
    }

    fn read(&self, text: &str, name: Option<Box<str>>) -> Result<Document, Refusal> {
        let one = |error: ServerError| vec![error];
        lexer::check(text, &self.limits).map_err(one)?;
        let executable = parse_query(text).map_err(|error| one(readable(error.into())))?;
        measure::check(&executable, &self.limits).map_err(one)?;
        self.validator.validate(executable.clone(), name.as_deref())?;
        arguments::check(&self.types, &executable)?;
        let operation = operation(&executable, name.as_deref()).map_err(one)?;
        let document = Document::new(&self.types, self.costs, text.into(), name, &executable, operation);
        if operation.node.ty == OperationType::Subscription && document.root_keys() > 1 {
            let message = "a subscription selects one field; send an operation for each";
            return Err(one(refusal(code::BAD_USER_INPUT, message)));
        }
        Ok(document)
    }
}

fn hash(text: &str) -> DocumentHash {
    Sha256::digest(text).into()
}

/// The parser draws the line that it does not understand, however long that is.
fn readable(mut error: ServerError) -> ServerError {
    const LONGEST_LINE: usize = 200;
    if error.message.lines().any(|line| line.len() > LONGEST_LINE) {
        let last = error.message.lines().last().unwrap_or_default();
        let reason = last.trim_start_matches([' ', '=']);
        error.message = format!("The document cannot be parsed: {reason:.LONGEST_LINE$}");
    }
    error
}

/// The operation of a document that is asked for; without a name, the only one.
fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, ServerError> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        _ => None,
    };
    operation.ok_or_else(|| {
        refusal(
            code::BAD_USER_INPUT,
            match name {
                Some(name) => format!("Unknown operation named \"{name}\""),
                None => "Operation name required in request.".to_owned(),
            },
        )
    })
}

#[cfg(test)]
mod tests;
