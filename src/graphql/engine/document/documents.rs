//! Prepares documents for execution, and caches the valid ones.

use std::sync::Arc;

use async_graphql::Response;
use moka::sync::Cache;

use super::{
    cost::CostRules,
    hash::{DocumentHash, hash},
    lexer,
    limits::{self, DocumentLimits},
    measure,
    prepared_operation::PreparedOperation,
    registry::{self, DocumentReference, Registry},
    request::{self, OperationRequest, RequestErrors},
    types::{InvalidSchema, ScalarRule, SchemaTypes},
    validated_operation::ValidatedOperation,
    validator::{self, Validator},
    variables,
};
use crate::{
    domain::ClientAddress,
    graphql::engine::{client_limits::ClientLimits, error, rate_limit},
    telemetry::metrics::{CacheName, metrics},
};

/// Bytes of a document that one point pays for when a request registers it.
const REGISTERED_BYTES_PER_POINT: usize = 64;

/// Settings of [`Documents`].
pub struct DocumentOptions {
    /// Limits on a document and on the cost of its operations.
    pub limits: DocumentLimits,
    /// Size of the cache of valid documents in bytes.
    pub cache: u64,
    /// Documents that requests can refer to instead of sending them.
    pub registry: Registry,
    /// What one client may take of this node. Preparing a document takes requests from it.
    pub client_limits: Arc<ClientLimits>,
}

/// Documents cannot be prepared with this schema or manifest.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDocuments {
    /// An operation of the manifest that the schema or a limit does not allow.
    #[error("the operation {id:?} is not valid: {reason}")]
    Operation {
        /// Name of the operation; its id in the manifest if it has no name.
        id: String,
        /// Every validation error, separated by semicolons.
        reason: String,
    },
    /// The schema is not valid itself.
    #[error(transparent)]
    Schema(#[from] InvalidSchema),
}

/// Prepares the documents of one schema, and caches the valid ones.
pub struct Documents {
    types: Arc<SchemaTypes>,
    costs: CostRules,
    validator: Validator,
    limits: DocumentLimits,
    registry: Registry,
    client_limits: Arc<ClientLimits>,
    /// Valid operations by the hash of their document and the operation name of the request.
    pub(super) cache: Cache<(DocumentHash, Option<Box<str>>), Arc<ValidatedOperation>>,
}

impl Documents {
    /// Creates it for a schema in the schema definition language with these custom scalars. With `introspection`, documents may ask for the schema,
    /// and errors suggest its names. Fails if the schema or an operation of the manifest is not valid.
    pub fn new(
        sdl: &str,
        scalars: &'static [ScalarRule],
        introspection: bool,
        options: DocumentOptions,
    ) -> Result<Self, InvalidDocuments> {
        let DocumentOptions { limits, cache, registry, client_limits } = options;
        let weigh = |_: &_, operation: &Arc<ValidatedOperation>| operation.weight;
        let cache = Cache::builder().max_capacity(cache).weigher(weigh).build();
        let types = Arc::new(SchemaTypes::new(sdl, scalars)?);
        let costs = CostRules::new(types.schema())?;
        let validator = Validator { introspection };
        let documents = Self { types, costs, validator, limits, registry, client_limits, cache };
        if let Registry::Only(manifest) = &documents.registry {
            for (id, operation) in manifest.operations() {
                documents
                    .validated(None, hash(&operation.text), &operation.text, operation.name.clone(), true)
                    .map_err(|errors| {
                        let reasons: Vec<String> = errors.into_iter().map(|error| error.message).collect();
                        let id = operation.name.as_deref().unwrap_or(id).to_owned();
                        InvalidDocuments::Operation { id, reason: reasons.join("; ") }
                    })?;
            }
        }
        Ok(documents)
    }

    /// What one client may take of this node.
    pub fn client_limits(&self) -> &Arc<ClientLimits> {
        &self.client_limits
    }

    /// Turns a request into an operation that can be run, or returns the errors, each with a code.
    pub async fn prepare(&self, request: OperationRequest) -> Result<PreparedOperation, Response> {
        self.check(request).await.map_err(|errors| {
            let mut response = Response::from_errors(request::shortened(errors));
            error::add_codes(&mut response);
            rate_limit::attach_retry_after(&mut response);
            response
        })
    }

    async fn check(&self, request: OperationRequest) -> Result<PreparedOperation, RequestErrors> {
        metrics().cache_lookups.get(CacheName::Documents).inc();
        // Checked again by the lexer, but this check comes before the text is hashed.
        let sent = request.query.as_ref().map_or(0, String::len);
        limits::check("bytes", sent as u64, self.limits.bytes).map_err(|error| vec![error])?;
        let reference = DocumentReference::from_request(&request)?;
        let is_named = matches!(reference, DocumentReference::Hash(_) | DocumentReference::Id(_));
        let by_hash = matches!((&self.registry, &reference), (Registry::Open(_), DocumentReference::Hash(_)));
        let prepared = self.bind(request, reference, sent).await;
        let prepared = prepared.map(|operation| PreparedOperation { is_named, has_locations: !by_hash, ..operation });
        prepared.map_err(|mut errors| {
            if by_hash {
                error::remove_locations(&mut errors);
            }
            errors
        })
    }

    /// Finds the operation of a request, which sends `sent` bytes of a document, and binds its variables.
    async fn bind(
        &self,
        request: OperationRequest,
        reference: DocumentReference,
        sent: usize,
    ) -> Result<PreparedOperation, RequestErrors> {
        let registration = self.registry.registration(&reference);
        let registered = if registration.is_some() { sent } else { 0 };
        let OperationRequest { query, operation_name, variables, client, .. } = request;
        let name = operation_name.map(Into::into);
        let operation = self.find(client, reference, query.unwrap_or_default(), name).await?;
        let variables = variables::coerce_all(&self.types, &operation.variables, variables)?;
        let plan = operation.plan(&self.types, &self.costs, &self.limits, &variables)?;
        let cost = plan.cost.value(&variables);
        limits::check("cost", cost, self.limits.cost).map_err(|error| vec![error])?;
        let cost = cost.saturating_add(registered.div_ceil(REGISTERED_BYTES_PER_POINT) as u64);
        let reports_cost =
            request.extensions.get("cost").is_some_and(|cost| *cost == async_graphql::Value::Boolean(true));
        Ok(PreparedOperation {
            types: self.types.clone(),
            operation,
            plan,
            variables,
            cost,
            cost_limit: self.limits.cost,
            reports_cost,
            resume: None,
            client,
            registration,
            direct_json: true,
            has_locations: true,
            is_named: false,
            reads: None,
        })
    }

    /// Finds the operation whose document a request sends or refers to.
    async fn find(
        &self,
        client: Option<ClientAddress>,
        reference: DocumentReference,
        query: String,
        name: Option<Box<str>>,
    ) -> Result<Arc<ValidatedOperation>, RequestErrors> {
        match (&self.registry, reference) {
            (Registry::Open(_), DocumentReference::None) => self.validated(client, hash(&query), &query, name, true),
            (Registry::Open(_), DocumentReference::Register(document_hash)) => {
                self.validated(client, document_hash, &query, name, true)
            }
            (Registry::Open(store), DocumentReference::Hash(document_hash)) => {
                let key = (document_hash, name);
                if let Some(operation) = self.cache.get(&key) {
                    return Ok(operation);
                }
                let text = store.get(document_hash).await.ok_or_else(registry::not_found)?;
                self.validated(client, document_hash, &text, key.1, false)
            }
            (Registry::Open(_), DocumentReference::Id(_)) => Err(registry::unknown_id()),
            (Registry::Only(manifest), reference) => {
                let operation = registry::find_in_manifest(manifest, &reference, &query)?;
                let name = name.or_else(|| operation.name.clone());
                self.validated(client, operation.hash, &operation.text, name, true)
            }
        }
    }

    /// Returns the operation called `name` of the document with this text, from the cache or validated now. The client
    /// pays for validation before it begins. `as_sent` says that the text is the client's own, in which errors have locations,
    /// and not the canonical one.
    fn validated(
        &self,
        client: Option<ClientAddress>,
        hash: DocumentHash,
        text: &str,
        name: Option<Box<str>>,
        as_sent: bool,
    ) -> Result<Arc<ValidatedOperation>, RequestErrors> {
        let key = (hash, name);
        if let Some(operation) = self.cache.get(&key).filter(|operation| operation.as_sent || !as_sent) {
            return Ok(operation);
        }
        metrics().cache_misses.get(CacheName::Documents).inc();
        let charged = self.client_limits.requests.take_preparation(client, text.len());
        charged.map_err(|exhausted| vec![exhausted.to_error()])?;
        let mut operation = self.validate(text, key.1.clone())?;
        operation.as_sent = as_sent;
        let operation = Arc::new(operation);
        self.cache.insert(key, operation.clone());
        Ok(operation)
    }

    fn validate(&self, text: &str, name: Option<Box<str>>) -> Result<ValidatedOperation, RequestErrors> {
        lexer::check(text, &self.limits).map_err(|error| vec![error])?;
        let text = lexer::without_descriptions(text);
        let document = validator::parse(&text)?;
        measure::check(&document, &self.limits).map_err(|error| vec![error])?;
        let document = self.validator.validate(&self.types, &document)?;
        ValidatedOperation::new(&self.types, &self.costs, &self.limits, lexer::canonical(&text).into(), name, document)
    }
}
