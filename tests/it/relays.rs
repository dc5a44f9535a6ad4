//! Relays to real brokers, on each storage engine: what a broker has been given is the log, in its order.

mod events;
#[cfg(feature = "kafka")]
mod kafka;
mod process;
mod rabbitmq;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};

use orderwire::{
    domain::{Consumer, Relay, Task, UserRole},
    outbound::Broker,
    service::{
        Relays,
        consumers::{ConsumerOptions, Consumers},
    },
};
use serde_json::Value;

use self::events::{assert_cloud_events, logged, trade};
use crate::{
    contract::{engine, mongodb::Mongodb, sqlite::Sqlite},
    support::{
        api::TestApi,
        data::{stamp, task, user},
        wait_until,
    },
};

/// Longer than a broker takes to start on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A message as a broker has it.
#[derive(Debug, Clone)]
pub struct Received {
    /// What the broker routes by: the kind of event, or the id of what it is about.
    pub key: String,
    pub content_type: String,
    pub body: Value,
}

impl Received {
    fn id(&self) -> &str {
        self.body["id"].as_str().unwrap()
    }
}

/// A broker of one test. Each place on it, such as a topic, is used by one shop.
trait TestBroker {
    const RELAY: Relay;
    /// What relays publish to at a place, which may not exist yet.
    fn broker(&self, place: &str) -> Arc<dyn Broker>;
    /// Waits until the broker works, and makes a place if it is not there.
    async fn make(&self, place: &str);
    /// The messages that came to a place since the last call.
    async fn take(&self, place: &str) -> Vec<Received>;
    /// The key that the message of an event has.
    fn key(body: &Value) -> &Value;
}

/// A shop whose events are relayed to a place.
struct Shop<'b, B> {
    api: TestApi,
    broker: &'b B,
    place: &'static str,
    received: Vec<Received>,
}

impl<'b, B: TestBroker> Shop<'b, B> {
    fn new(api: TestApi, broker: &'b B, place: &'static str) -> Self {
        Self { api, broker, place, received: Vec::new() }
    }

    /// Runs the relay, as a process does. Another node over the same database is another process.
    async fn run(&self) -> Consumers {
        let node = TestApi::over(self.api.store.clone()).await;
        let service = node.service.clone();
        let relays = Relays::new(vec![(B::RELAY, self.broker.broker(self.place))]);
        service.add_relays(&relays).await.unwrap();
        let options = ConsumerOptions {
            lease: Duration::from_secs(4),
            lease_every: Duration::from_millis(50),
            longest_delivery: Duration::from_millis(2500),
            without: relays.missing(),
            ..ConsumerOptions::default()
        };
        let open =
            Arc::new(move |consumer: &_| node.service.open_relay(&relays, consumer).ok_or("no relay".to_owned()));
        Consumers::start(&service, open, options)
    }

    /// The relay, once it was run.
    async fn relay(&self) -> Option<Consumer> {
        self.api.store.consumers(&[B::RELAY.as_str().to_owned()]).await.unwrap().pop().flatten()
    }

    /// How often the relay has failed in a row.
    async fn failures(&self) -> u32 {
        self.relay().await.map_or(0, |relay| relay.progress.failures)
    }

    async fn trade(&self, numbers: std::ops::Range<usize>) {
        let staff = self.api.viewer(&format!("staff{}", numbers.start), UserRole::Staff).await;
        trade(&self.api, staff, numbers).await;
    }

    /// Takes what has come.
    async fn take(&mut self) {
        self.received.extend(self.broker.take(self.place).await);
    }

    /// The ids of what was received, each when it came first.
    fn first_times(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.received.iter().map(Received::id).filter(|id| seen.insert(*id)).collect()
    }

    /// Waits until as many events were received as the log has, and checks that they are these, in this order.
    async fn has_the_whole_log(&mut self) {
        let expected: Vec<String> = logged(&self.api).await.iter().map(|event| event.id.to_string()).collect();
        wait_until("everything has arrived", SOON, async || {
            self.take().await;
            self.first_times().len() >= expected.len()
        })
        .await;
        assert_eq!(self.first_times(), expected);
    }
}

/// Runs a test with a shop on each engine at the same time, so that they share the broker.
async fn on_each_engine<B: TestBroker>(broker: &B, test: impl AsyncFnOnce([Shop<'_, B>; 2])) {
    engine::check::<Sqlite>("relays", async |sqlite| {
        let sqlite = TestApi::over(sqlite.shared()).await;
        engine::check::<Mongodb>("relays", async |mongodb| {
            let mongodb = TestApi::over(mongodb.shared()).await;
            test([Shop::new(sqlite, broker, "sqlite"), Shop::new(mongodb, broker, "mongodb")]).await;
        })
        .await;
    })
    .await;
}

/// Every event arrives, once while nothing fails, as a CloudEvent with what the log has. Processes that take the relay over
/// miss nothing.
async fn every_event_arrives<B: TestBroker>(broker: &B) {
    on_each_engine(broker, async |mut shops| {
        for shop in &mut shops {
            broker.make(shop.place).await;
            shop.trade(0..4).await;
            let running = shop.run().await;
            shop.trade(4..8).await;
            shop.has_the_whole_log().await;
            running.stop().await;
            let running = shop.run().await;
            shop.trade(8..10).await;
            shop.has_the_whole_log().await;
            let events = logged(&shop.api).await;
            assert_eq!(shop.received.len(), events.len(), "each once, also after a restart");
            assert_cloud_events(&shop.received, &events, B::key);

            let mut running = running;
            for round in 1..5 {
                let moves = async {
                    let next = shop.run().await;
                    let before = std::mem::replace(&mut running, next);
                    // The others end like in a crash, without releasing their leases.
                    if round % 2 == 0 {
                        before.stop().await;
                    }
                };
                tokio::join!(shop.trade(10 * round..10 * round + 5), moves);
            }
            shop.has_the_whole_log().await;
            running.stop().await;
        }
    })
    .await;
}

/// Events of the backlog; `EVENTS` sets another number, to measure.
const BACKLOG: usize = 1000;

/// A relay that was off catches up in large batches. Prints how fast.
async fn a_backlog_is_relayed<B: TestBroker>(broker: &B) {
    let count = std::env::var("EVENTS").map_or(BACKLOG, |count| count.parse().expect("EVENTS is a number"));
    on_each_engine(broker, async |mut shops| {
        for shop in &mut shops {
            broker.make(shop.place).await;
            let store = shop.api.store.clone();
            store.import_users(&[user("buyer")]).await.unwrap();
            let make = |number: usize| {
                let description = Some(format!("{number} {}", "what is to be done ".repeat(25)));
                store.insert_task(Task { description, ..task(&format!("task {number}")) }, stamp())
            };
            let made = stream::iter((0..count).map(make)).buffer_unordered(64).collect::<Vec<_>>().await;
            assert!(made.iter().all(Result::is_ok));
            store.catch_up_log().await.unwrap();
            let head = store.log_state().await.unwrap().head;
            let running = shop.run().await;
            let begun = Instant::now();
            wait_until("all is relayed", SOON, async || {
                shop.relay().await.is_some_and(|relay| relay.progress.position == head)
            })
            .await;
            let rate = head as f64 / begun.elapsed().as_secs_f64();
            println!("{} events from {} to {}: {rate:.0} events/s", head, shop.place, B::RELAY.as_str());
            running.stop().await;
            shop.has_the_whole_log().await;
            assert_eq!(shop.received.len(), count, "each once");
        }
    })
    .await;
}
