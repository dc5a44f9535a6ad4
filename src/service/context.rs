//! The [`Service`], and what all use cases share: the store, the feed and the clock.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    Result, access,
    caches::{ApiKeyCache, SalesCache, SessionCache, session_cache},
    feed::EventFeed,
    rate_limits::RateLimits,
    session::SessionWatch,
    webhooks::{PayloadRenderer, RendererCell, WebhookOptions},
};
use crate::{
    auth::{AccessTokens, Passwords},
    domain::{Clock, Permission, Stamp, Timestamp, Viewer},
    storage::Store,
};

/// Lifetimes, retention and rate limits.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// How long a session lasts after it was opened or refreshed.
    pub session_lifetime: Duration,
    /// How long log entries are kept.
    pub log_retention: Duration,
    /// How long idempotency keys are kept, 24 hours at least.
    pub idempotency_retention: Duration,
    /// Rate limits of operations and sign-ins.
    pub limits: RateLimits,
    /// How webhooks are sent, and the keys of their secrets.
    pub webhooks: WebhookOptions,
}

/// All use cases over one store.
pub struct Service {
    pub(super) store: Arc<dyn Store>,
    /// A random number that marks the tokens of this node.
    pub(super) node: u32,
    pub(super) feed: Arc<EventFeed>,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether the clock was off when it was last compared with the database's.
    pub(super) clock_is_off: AtomicBool,
    pub(super) tokens: AccessTokens,
    pub(super) passwords: Passwords,
    pub(super) sessions: SessionCache,
    pub(super) api_keys: ApiKeyCache,
    pub(super) watch: Arc<SessionWatch>,
    pub(super) sales: SalesCache,
    /// This process has changed a consumer of the log.
    pub(super) consumers_changed: Arc<Notify>,
    /// This process has stored a job, or let one go on.
    pub(super) jobs_changed: Arc<Notify>,
    /// Runs the documents of webhooks.
    pub(super) renderer: RendererCell,
    pub(super) options: ServiceOptions,
}

impl Service {
    /// Puts the use cases together from their parts, and starts to watch the rights of connections until the feed ends.
    /// Must be called within a Tokio runtime.
    pub fn new(
        store: Arc<dyn Store>,
        feed: Arc<EventFeed>,
        clock: Arc<dyn Clock>,
        tokens: AccessTokens,
        passwords: Passwords,
        options: ServiceOptions,
    ) -> Self {
        let sessions = session_cache();
        Self {
            watch: SessionWatch::start(store.clone(), &feed, clock.clone(), sessions.clone()),
            store,
            node: rand::random(),
            feed,
            clock,
            clock_is_off: AtomicBool::new(false),
            tokens,
            passwords,
            sessions,
            api_keys: ApiKeyCache::default(),
            sales: SalesCache::default(),
            consumers_changed: Arc::default(),
            jobs_changed: Arc::default(),
            renderer: RendererCell::default(),
            options,
        }
    }

    /// Has the documents of webhooks run by this renderer, for as long as it exists. Only the first one counts.
    pub fn render_payloads_by(&self, renderer: &Arc<dyn PayloadRenderer>) {
        self.renderer.set(renderer);
    }

    /// The current time, from the injected clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The stamp of a change that the viewer makes now. Fails for anonymous viewers, who change nothing.
    pub(super) fn stamp(&self, viewer: &Viewer) -> Result<Stamp> {
        let permission = match viewer {
            Viewer::Anonymous => return Err(access::SIGN_IN),
            Viewer::User { session, .. } if viewer.is_staff() => Permission::Staff(*session),
            Viewer::User { session, .. } => Permission::Owner(*session),
            Viewer::Key { id, .. } => Permission::Staff(id.as_session()),
            Viewer::System => Permission::System,
        };
        Ok(Stamp { actor: viewer.actor(), permission, at: self.now() })
    }
}
