//! A handle for importing into one database, for callers that have no access to its store.

use std::sync::Arc;

use super::{ImportError, ImportSource, Progress, jira, jsonl, online_retail};
use crate::{
    domain::{UserId, text},
    storage::Store,
};

/// Imports data sets into one database.
#[derive(Clone)]
pub struct Importer {
    store: Arc<dyn Store>,
}

impl Importer {
    /// An importer that writes to `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// See [`online_retail::import`].
    pub async fn online_retail(
        &self,
        source: &ImportSource,
        options: online_retail::OnlineRetailOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<online_retail::OnlineRetailSummary, ImportError> {
        online_retail::import(&*self.store, source, options, progress).await
    }

    /// See [`jira::import`].
    pub async fn jira(
        &self,
        source: &ImportSource,
        options: jira::JiraOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<jira::JiraSummary, ImportError> {
        jira::import(&*self.store, source, options, progress).await
    }

    /// See [`jsonl::import`].
    pub async fn jsonl(
        &self,
        sources: &[ImportSource],
        options: jsonl::JsonlOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<jsonl::JsonlSummary, ImportError> {
        jsonl::import(&*self.store, sources, options, progress).await
    }

    /// The user with this e-mail address, however it is spelt. Errors: `NoSuchUser`, `Store`.
    pub async fn user_with_email(&self, email: &str) -> Result<UserId, ImportError> {
        let found = self.store.users_by_emails(&text::email_spellings(email)).await?.into_iter().flatten().next();
        found.map(|user| user.id).ok_or_else(|| ImportError::NoSuchUser(email.trim().to_lowercase()))
    }
}
