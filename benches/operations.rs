//! The cost of repeated operations in the API, above the database: `cargo bench --bench operations`.
//!
//! One thread runs each operation repeatedly through the API, over an embedded database. For an operation that reads,
//! the same read without the API is measured too. Other threads make the reads, and handing over to them takes more
//! time than the work on either side, so compare the CPU time of this thread (Linux).
//!
//! What an operation is metered by is measured by itself, as the calls that the transports and the executor make for it.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::Variables;
use futures_util::poll;
use orderwire::{
    app::{document_options, feed_options, sqlite_options},
    auth::{AccessTokens, PasswordCost, Passwords},
    cluster::local::LocalBus,
    config::Config,
    domain::{ClientAddress, CurrencyCode, NewProduct, SystemClock, TokenBucket, Viewer},
    fairness::{Caller, run_for},
    graphql::{AnswerMeter, Api, ApiOptions, Endpoint, OperationRequest, RequestLimiter},
    service::{RateLimits, Service, ServiceOptions, WebhookOptions, feed::EventFeed},
    storage::{
        Store,
        sqlite::{SqliteLocation, SqliteStore},
    },
};
use serde_json::json;

/// The same allocator as in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each operation is run.
const RUN: Duration = Duration::from_secs(2);
/// Runs that are timed together.
const BATCH: u32 = 20;

const PRODUCT: &str =
    "query Product($id: ID!) { product(id: $id) { id sku name price { amount currencyCode } stock } }";

/// A selection of about 100 fields.
const HUNDRED_FIELDS: &str = "{ orders { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id number region status allowedTransitions paymentReference version placedAt createdAt updatedAt total { amount currencyCode } customer { id name email role region version createdAt updatedAt } items { sku name quantity unitPrice { amount currencyCode } lineTotal { amount currencyCode } product { id sku name description price { amount currencyCode } stock status tags version createdAt updatedAt } } history { cursor from to reason occurredAt actor { id name email role region version createdAt updatedAt } } } } } products { totalCount nodes { id sku name description price { amount currencyCode } stock status tags version createdAt updatedAt } } tasks { nodes { id title description status priority dueAt version createdAt updatedAt createdBy { id name email role region version createdAt updatedAt } } } }";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (api, service) = open().await;
    let new = NewProduct::new("A", "A", "1.50".parse().unwrap(), CurrencyCode::GBP);
    let input = NewProduct { stock: 5, ..new };
    let product = service.create_product(&Viewer::System, input).await.unwrap().id;
    let client = Some(IpAddr::from([192, 0, 2, 1]).into());
    let variables = json!({ "id": product.to_string() });
    let request = |document: &str| OperationRequest::new(document).variables(Variables::from_json(variables.clone()));

    println!("{:<46} {:>10} {:>10} {:>10}", "", "median", "p99", "CPU");
    run("{ __typename }, prepared", async || {
        api.prepare(request("{ __typename }"), client).await.unwrap();
    })
    .await;
    run("{ __typename }, prepared and executed", async || {
        let operation = api.prepare(request("{ __typename }"), client).await.unwrap();
        assert!(api.execute(Viewer::Anonymous, operation).await.errors.is_empty());
    })
    .await;
    let meter = Meter::new(&api, &service, client);
    run("the same, what it is metered by", async || meter.run(1).await).await;
    run("product(id), what it is metered by", async || meter.run(5).await).await;
    run("1,000 parts of an answer, counted", async || meter.count(1000)).await;
    run("product(id), prepared", async || {
        api.prepare(request(PRODUCT), client).await.unwrap();
    })
    .await;
    run("product(id), prepared and executed", async || {
        let operation = api.prepare(request(PRODUCT), client).await.unwrap();
        assert!(api.execute(Viewer::Anonymous, operation).await.errors.is_empty());
    })
    .await;
    until_storage("product(id), until the read is handed over", async || {
        let begun = Instant::now();
        let operation = api.prepare(request(PRODUCT), client).await.unwrap();
        let mut execution = pin!(api.execute(Viewer::Anonymous, operation));
        // The work up to the first time that it waits.
        let done = poll!(execution.as_mut()).is_ready();
        let took = begun.elapsed();
        if !done {
            assert!(execution.await.errors.is_empty());
        }
        took
    })
    .await;
    let doubling: String =
        (0..30).map(|n| format!("fragment F{n} on Query {{ ...F{m} ...F{m} }} ", m = n + 1)).collect();
    let doubling = format!("{{ ...F0 }} {doubling} fragment F30 on Query {{ __typename }}");
    // The limit of requests would refuse the next two: without an address there is none.
    run("30 fragments that spread each other, refused", async || {
        assert!(api.prepare(request(&doubling), None).await.is_err());
    })
    .await;
    let mut seen = 0;
    run("100 fields, a document that was not seen before", async || {
        seen += 1;
        api.prepare(OperationRequest::new(format!("query Q{seen} {HUNDRED_FIELDS}")), None).await.unwrap();
    })
    .await;
    run("the same product from the service", async || {
        assert!(service.products(&Viewer::Anonymous, &[product]).await.unwrap()[0].is_some());
    })
    .await;
    until_storage("the same, until the read is handed over", async || {
        let begun = Instant::now();
        let ids = [product];
        let mut read = pin!(service.products(&Viewer::Anonymous, &ids));
        // Sometimes the result is ready at once.
        let done = poll!(read.as_mut()).is_ready();
        let took = begun.elapsed();
        if !done {
            read.await.unwrap();
        }
        took
    })
    .await;
}

/// A limit that is charged each time and not reached. What it charges is rounded up to a microsecond.
fn never_exhausted() -> TokenBucket {
    TokenBucket::new(u32::MAX, Duration::from_secs(3600))
}

/// Prints the time of one run.
async fn run(name: &str, mut once: impl AsyncFnMut()) {
    for _ in 0..10 * BATCH {
        once().await;
    }
    let mut took: Vec<Duration> = Vec::new();
    let cpu = cpu_time();
    let begun = Instant::now();
    while begun.elapsed() < RUN {
        let start = Instant::now();
        for _ in 0..BATCH {
            once().await;
        }
        took.push(start.elapsed() / BATCH);
    }
    let cpu = (cpu_time() - cpu) / (took.len() as f64 * f64::from(BATCH));
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)].as_nanos() as f64 / 1000.0;
    println!("{name:<46} {:>7.2} µs {:>7.2} µs {cpu:>7.2} µs", at(50), at(99));
}

/// What meters the operations of one client.
struct Meter<'a> {
    api: &'a Api,
    service: &'a Service,
    client: Option<ClientAddress>,
    caller: Caller,
    requests: RequestLimiter,
}

impl<'a> Meter<'a> {
    fn new(api: &'a Api, service: &'a Service, client: Option<ClientAddress>) -> Self {
        let caller = Caller::new(&Viewer::Anonymous, client);
        let requests = RequestLimiter::new(Some(never_exhausted()));
        Self { api, service, client, caller, requests }
    }

    /// Everything that a query is metered by whose answer has so many parts: its request, its cost, its turn, the bytes
    /// of its answer while they are written and while they are in flight.
    async fn run(&self, parts: usize) {
        self.requests.take_request(self.client).unwrap();
        self.service.charge(&Viewer::Anonymous, self.client, 1).await.unwrap();
        let answers = &self.api.client_limits().answers;
        let held = answers.admit(self.caller).await.ok().unwrap();
        let meter = AnswerMeter::new(answers.limits().answer, held);
        run_for(self.caller, async {
            for _ in 0..parts {
                meter.add(20).unwrap();
            }
        })
        .await;
        assert!(meter.refusal().is_none() && meter.written() == 20 * parts);
        drop(meter);
        let mut held = answers.for_client(self.caller);
        held.add(20 * parts);
    }

    /// Counts so many parts of one answer.
    fn count(&self, parts: usize) {
        let answers = &self.api.client_limits().answers;
        let meter = AnswerMeter::new(answers.limits().answer, answers.for_client(self.caller));
        for _ in 0..parts {
            meter.add(std::hint::black_box(20)).unwrap();
        }
    }
}

/// Prints the time that each run returns, which is a part of its whole time.
async fn until_storage(name: &str, mut once: impl AsyncFnMut() -> Duration) {
    let mut took = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < RUN {
        took.push(once().await);
    }
    took.sort_unstable();
    let at = |percent: usize| took[took.len() * percent / 100].as_nanos() as f64 / 1000.0;
    println!("{name:<46} {:>7.2} µs {:>7.2} µs", at(50), at(99));
}

/// CPU time of this thread, in microseconds; 0 on systems that do not report it.
fn cpu_time() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: f64 = told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default();
    nanos / 1000.0
}

async fn open() -> (Api, Arc<Service>) {
    let store = SqliteStore::open(SqliteLocation::Temporary, sqlite_options(&Config::default())).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let feed =
        EventFeed::start(store.clone(), Arc::new(LocalBus::new()), feed_options(&Config::default())).await.unwrap();
    let day = Duration::from_secs(86_400);
    let service = Arc::new(Service::new(
        store,
        feed,
        Arc::new(SystemClock),
        AccessTokens::hs256(&[7; 32], Duration::from_secs(900)).unwrap(),
        Passwords::new(PasswordCost { memory: 8, passes: 1, lanes: 1 }, NonZeroUsize::MIN).unwrap(),
        ServiceOptions {
            session_lifetime: day,
            log_retention: 7 * day,
            idempotency_retention: day,
            limits: RateLimits { anonymous: Some(never_exhausted()), ..RateLimits::default() },
            webhooks: WebhookOptions::default(),
        },
    ));
    let documents = document_options(&Config::default(), None);
    let options = ApiOptions { introspection: false, documents, slow: None };
    (Api::new(service.clone(), options).unwrap(), service)
}
