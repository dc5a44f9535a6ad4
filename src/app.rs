//! The composition root: the only layer that names concrete engines.

mod check;
mod cluster;
mod database;
mod error;
mod keys;
mod options;
mod relays;
mod retry;
mod shared_cache;
mod worker;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    auth::Passwords,
    cluster::{EventBus, RateLimiter},
    config::{Auth, Config, MetricsAddress},
    domain::SystemClock,
    graphql::{Api, ApiOptions, Manifest, Registry},
    http::{self, ServerLimits},
    jobs::{self, JobOptions},
    service::{
        PayloadRenderer, RateLimits, Relays, Service, ServiceOptions,
        feed::EventFeed,
        jobs::{JobRunner, RunnerOptions},
    },
    storage::{CallCounts, InstrumentedStore, NearCache, Store},
};

use cluster::{RedisDeployment, open_bus, rate_limiter, registered_documents, shared_cache};
use database::open_engine;
use keys::{deployment, field_keys, tokens};

pub use check::check;
pub use database::{adopt_database, open_store, shard_plan};
pub use error::StartError;
pub use options::{
    document as document_options, feed as feed_options, http as http_options, mongo as mongo_options, password_cost,
    sqlite as sqlite_options,
};
pub use shared_cache::RedisCache;
pub use worker::run_worker;

/// The part of the grace period that is kept for what comes after the last request: a fifth, and this at most.
const CLOSING: Duration = Duration::from_secs(2);

/// The use cases with what is below them: all but the API. For commands that need no server.
pub struct Core {
    store: Arc<dyn Store>,
    bus: Arc<dyn EventBus>,
    feed: Arc<EventFeed>,
    service: Arc<Service>,
    limiter: Arc<dyn RateLimiter>,
    redis: Option<RedisDeployment>,
    relays: Relays,
}

impl Core {
    /// Opens the database and the bus.
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        Self::open_observed(config, Duration::ZERO, None).await
    }

    async fn open_observed(config: &Config, wait: Duration, counts: Option<CallCounts>) -> Result<Self, StartError> {
        let (tokens, passwords, relays) = (tokens(&config.auth)?, passwords(&config.auth)?, relays::open(config)?);
        let engine = open_engine(config, wait, deployment(&config.auth, &tokens)).await?;
        // Behind the cache, so that calls of the store and their times are those of the database.
        let engine: Arc<dyn Store> = Arc::new(InstrumentedStore::new(engine, counts));
        let redis = RedisDeployment::open(config, &*engine).await?;
        let shared = shared_cache(config, redis.as_ref())?;
        let cache = || NearCache::new(engine.clone(), config.cache.bytes).with_shared(shared);
        let cache = (config.cache.bytes > 0).then(cache).map(Arc::new);
        let store = cache.clone().map_or(engine, |cache| cache);
        let bus = open_bus(config, redis.as_ref()).await?;
        let feed = EventFeed::start_with(store.clone(), bus.clone(), options::feed(config), cache).await?;
        let limiter = rate_limiter(redis.as_ref())?;
        let options = ServiceOptions {
            session_lifetime: config.auth.session_lifetime,
            log_retention: config.retention.event_log,
            idempotency_retention: config.retention.idempotency_keys,
            limits: rate_limits(config, limiter.clone()),
            webhooks: options::webhooks(config, field_keys(config)?),
        };
        let clock = Arc::new(SystemClock);
        let service = Arc::new(Service::new(store.clone(), feed.clone(), clock, tokens, passwords, options));
        Ok(Self { store, bus, feed, service, limiter, redis, relays })
    }

    /// The GraphQL API over the use cases, with the options of the configuration.
    pub fn api(&self, config: &Config) -> Result<Api, StartError> {
        let documents = options::document(config, Some(self.registry(config)?));
        let slow = Some(config.log.slow_operation);
        Ok(Api::new(self.service.clone(), ApiOptions { introspection: config.introspection(), documents, slow })?)
    }

    /// The operations that can be named.
    fn registry(&self, config: &Config) -> Result<Registry, StartError> {
        if let Some(manifest) = manifest(config)? {
            return Ok(Registry::Only(manifest));
        }
        let documents = registered_documents(config, self.redis.as_ref(), self.limiter.clone())?;
        Ok(Registry::Open(Arc::new(documents)))
    }

    /// The use cases.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The database.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Starts to do the jobs that are due.
    pub fn start_jobs(&self, options: JobOptions) -> JobRunner {
        JobRunner::start(self.service.clone(), jobs::all(&self.service, options), RunnerOptions::default())
    }

    /// Ends subscriptions, sends what is waiting to be sent and closes connections.
    pub async fn close(&self) {
        self.feed.shutdown().await;
        self.bus.close().await;
        self.store.close().await;
    }
}

/// A server that listens. Several can live in one process.
pub struct App {
    core: Core,
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<TcpListener>,
    router: axum::Router,
    limits: ServerLimits,
    grace: Duration,
    handover: Duration,
    jobs: JobOptions,
    runs_background: bool,
}

impl App {
    /// Opens everything and begins to listen. Requests are answered once [`App::run`] is called, and wait until then.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_counted(config, None).await
    }

    /// The same with the calls of the store counted in `counts`.
    pub async fn start_counted(config: &Config, counts: Option<CallCounts>) -> Result<Self, StartError> {
        // What fails quickly comes first.
        let listener = listen(config.server.bind.as_str()).await?;
        let address = listener.local_addr().map_err(|cause| bind_error(config.server.bind.as_str(), cause))?;
        let metrics = listen_for_metrics(&config.metrics.bind).await?;
        let core = Core::open_observed(config, config.server.start_wait, counts).await?;
        if config.auth.jwt_secret.is_none() && config.auth.private_key_file.is_none() {
            tracing::warn!("no JWT_SECRET is set: tokens are signed with a random one and end with this process");
        }
        let api = core.api(config)?;
        let options = options::http(config);
        let limits = options.limits.clone();
        let api = Arc::new(api);
        let renderer: Arc<dyn PayloadRenderer> = api.clone();
        core.service.render_payloads_by(&renderer);
        let router = http::router(api, options);
        let jobs = options::jobs(config);
        let (grace, handover) = (config.server.grace_period, config.server.handover);
        let runs_background = config.worker.embedded;
        if runs_background {
            core.add_relays().await?;
        }
        Ok(Self { core, listener, address, metrics, router, limits, grace, handover, jobs, runs_background })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// What is below the API.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Serves until `shutdown`, then ends in two stages: running requests finish and sockets are closed, then what is
    /// below the API is. Returns within the grace period of `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        if let Some(address) = self.metrics_address() {
            tracing::info!(%address, "metrics are at http://{address}/metrics");
        }
        let Self { core, listener, address, metrics, router, limits, grace, handover, jobs, runs_background } = self;
        tracing::info!(%address, engine = core.store.engine(), "listening on http://{address}");
        // Served to the very end, and then cut off.
        let _metrics = metrics.map(|listener| AbortOnDropHandle::new(tokio::spawn(http::serve_metrics(listener))));
        let background = runs_background.then(|| (core.start_consumers(), core.start_jobs(jobs)));
        let closing = CLOSING.min(grace / 5);
        let stop_background = async {
            shutdown.cancelled().await;
            if let Some((consumers, jobs)) = background {
                tokio::join!(consumers.stop(), jobs.stop());
            }
        };
        let serve = http::serve(listener, router, shutdown.clone(), grace - closing, handover, limits);
        tokio::join!(serve, stop_background);
        if tokio::time::timeout(closing, core.close()).await.is_err() {
            tracing::warn!("the grace period is over; what is still running is cut off");
        }
    }
}

/// The operations that alone can be run, if the configuration names a file that lists them.
fn manifest(config: &Config) -> Result<Option<Manifest>, StartError> {
    let Some(path) = &config.operations.manifest else { return Ok(None) };
    let json = std::fs::read_to_string(path).map_err(|cause| StartError::ManifestFile { path: path.clone(), cause })?;
    let manifest = Manifest::parse(&json).map_err(|cause| StartError::Manifest { path: path.clone(), cause })?;
    Ok(Some(manifest))
}

async fn listen_for_metrics(bind: &MetricsAddress) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = bind.address() else { return Ok(None) };
    match (listen(address).await, bind) {
        (Err(error), MetricsAddress::IfFree) => {
            tracing::warn!(%error, "metrics are not served; METRICS_BIND sets another address, or off");
            Ok(None)
        }
        (listener, _) => listener.map(Some),
    }
}

async fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| bind_error(address, cause))
}

fn bind_error(address: &str, cause: io::Error) -> StartError {
    StartError::Bind { address: address.to_owned(), cause }
}

fn passwords(auth: &Auth) -> Result<Passwords, StartError> {
    Ok(Passwords::new(
        options::password_cost(auth),
        auth.password_concurrency.unwrap_or_else(Passwords::default_concurrency),
    )?)
}

fn rate_limits(config: &Config, limiter: Arc<dyn RateLimiter>) -> RateLimits {
    let limits = &config.rate_limits;
    RateLimits {
        limiter,
        anonymous: limits.anonymous_cost.0,
        customer: limits.customer_cost.0,
        staff: limits.staff_cost.0,
        admin: limits.admin_cost.0,
        sign_ins_per_account: limits.sign_ins_per_account.0,
        sign_ins_per_address: limits.sign_ins_per_address.0,
    }
}
