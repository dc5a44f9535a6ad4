//! The relay to Kafka.

mod proxy;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use orderwire::{
    domain::Relay,
    outbound::{
        Broker,
        kafka::{Kafka, KafkaOptions},
    },
};
use parking_lot::Mutex;
use rskafka::client::{Client, ClientBuilder, partition::UnknownTopicHandling};
use serde_json::Value;

use self::proxy::Proxy;
use super::{Received, SOON, TestBroker, every_event_arrives, on_each_engine};
use crate::support::{port::free_port, wait_until};

/// Bytes of records in one answer.
const FETCHED: std::ops::Range<i32> = 1..1_000_000;

/// A broker of one test, behind a proxy that relays go through. It forgets its topics when it ends. Dropping it kills it.
pub struct Server {
    port: u16,
    proxy: Proxy,
    partitions: i32,
    process: Mutex<Option<Child>>,
    /// The next record of each topic and partition.
    offsets: Mutex<BTreeMap<(String, i32), i64>>,
}

impl Server {
    /// A broker whose topics have this many partitions. It is not started yet.
    async fn new(partitions: i32) -> Self {
        let port = free_port();
        let proxy = Proxy::start(port).await;
        Self { port, proxy, partitions, process: Mutex::default(), offsets: Mutex::default() }
    }

    fn start(&self) {
        let program = std::env::var("ORDERWIRE_TEST_TANSU").expect(
            "ORDERWIRE_TEST_TANSU names no Tansu; start the tests with: scripts/services run cargo nextest run",
        );
        let (here, proxy) = (format!("tcp://127.0.0.1:{}", self.port), format!("tcp://127.0.0.1:{}", self.proxy.port));
        let mut command = Command::new(program);
        command.args(["broker", "--listener-url", &here, "--advertised-listener-url", &proxy]);
        command.args(["--storage-engine", "memory://tansu/"]).stdin(Stdio::null()).stdout(Stdio::null());
        *self.process.lock() = Some(command.stderr(Stdio::null()).spawn().unwrap());
    }

    /// Kills it as a crash would. Its topics are gone.
    fn kill(&self) {
        if let Some(mut process) = self.process.lock().take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
        self.offsets.lock().clear();
    }

    /// A client, once the broker accepts connections.
    async fn client(&self) -> Client {
        let mut client = None;
        wait_until("Kafka accepts connections", SOON, async || {
            // It tries until it is there.
            let build = ClientBuilder::new(vec![format!("127.0.0.1:{}", self.proxy.port)]).build();
            client = tokio::time::timeout(std::time::Duration::from_secs(5), build).await.ok().and_then(Result::ok);
            client.is_some()
        })
        .await;
        client.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl TestBroker for Server {
    const RELAY: Relay = Relay::Kafka;

    fn broker(&self, place: &str) -> Arc<dyn Broker> {
        let brokers = vec![format!("127.0.0.1:{}", self.proxy.port)];
        Arc::new(Kafka::new(KafkaOptions { brokers, topic: place.to_owned(), tls: false, credentials: None }))
    }

    async fn make(&self, place: &str) {
        let client = self.client().await;
        if !client.list_topics().await.unwrap().iter().any(|topic| topic.name == place) {
            client.controller_client().unwrap().create_topic(place, self.partitions, 1, 5_000).await.unwrap();
        }
    }

    async fn take(&self, place: &str) -> Vec<Received> {
        let client = self.client().await;
        let mut taken = Vec::new();
        for number in 0..self.partitions {
            let partition = client.partition_client(place, number, UnknownTopicHandling::Retry).await.unwrap();
            let at = (place.to_owned(), number);
            loop {
                let offset = self.offsets.lock().get(&at).copied().unwrap_or(0);
                let (records, _) = partition.fetch_records(offset, FETCHED, 10).await.unwrap();
                let Some(last) = records.last() else { break };
                self.offsets.lock().insert(at.clone(), last.offset + 1);
                taken.extend(records.into_iter().map(|found| received(found.record)));
            }
        }
        taken
    }

    fn key(body: &Value) -> &Value {
        &body["subject"]
    }
}

fn received(record: rskafka::record::Record) -> Received {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let body: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
    let at: rskafka::chrono::DateTime<rskafka::chrono::Utc> = body["time"].as_str().unwrap().parse().unwrap();
    assert_eq!(record.timestamp, at, "the time of the record is that of the event");
    Received { key: text(&record.key.unwrap()), content_type: text(&record.headers["content-type"]), body }
}

async fn started(partitions: i32) -> Server {
    let server = Server::new(partitions).await;
    server.start();
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_as_a_cloud_event_in_the_order_of_the_log() {
    every_event_arrives(&started(1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_relayed() {
    super::a_backlog_is_relayed(&started(1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_entity_share_a_partition_and_stay_in_order() {
    let server = started(3).await;
    on_each_engine(&server, async |mut shops| {
        for shop in &mut shops {
            server.make(shop.place).await;
            let running = shop.run().await;
            shop.trade(0..10).await;
            let events = super::logged(&shop.api).await;
            wait_until("everything has arrived", SOON, async || {
                shop.take().await;
                shop.received.len() >= events.len()
            })
            .await;
            running.stop().await;
            let ids =
                |found: &[&Received]| found.iter().map(|message| message.id().to_owned()).collect::<BTreeSet<_>>();
            let logged: BTreeSet<String> = events.iter().map(|event| event.id.to_string()).collect();
            assert_eq!(ids(&shop.received.iter().collect::<Vec<_>>()), logged, "each event");
            let mut versions: BTreeMap<&str, i64> = BTreeMap::new();
            for message in &shop.received {
                let version = message.body["data"]["version"].as_i64().unwrap();
                let before = versions.insert(&message.key, version);
                assert!(before.is_none_or(|before| before <= version), "{}: {before:?} before {version}", message.key);
            }
        }
        let used = server.offsets.lock().len();
        assert_eq!(used, 6, "each partition of both topics has events");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_at_the_start_and_cut_off_later_is_given_everything_in_order() {
    let server = Server::new(1).await;
    on_each_engine(&server, async |mut shops| {
        let mut running = Vec::new();
        for shop in &shops {
            shop.trade(0..2).await;
            running.push(shop.run().await);
        }
        for shop in &shops {
            wait_until("the relay has failed twice", SOON, async || shop.failures().await >= 2).await;
        }
        server.start();
        for shop in &mut shops {
            server.make(shop.place).await;
            shop.has_the_whole_log().await;
        }
        let [sqlite, mongodb] = &shops;
        let cuts = async {
            for times in 1..4 {
                wait_until("the relay is at work", SOON, async || server.proxy.forwarded() > times * 40_000).await;
                server.proxy.cut().await;
            }
        };
        tokio::join!(sqlite.trade(10..40), mongodb.trade(10..40), cuts);
        for shop in &mut shops {
            shop.has_the_whole_log().await;
        }
        // It is killed, and its topics with it. What follows is published to new ones.
        server.kill();
        for shop in &mut shops {
            shop.trade(50..52).await;
        }
        server.start();
        for shop in &mut shops {
            server.make(shop.place).await;
            shop.has_the_whole_log().await;
        }
        for running in running {
            running.stop().await;
        }
    })
    .await;
}
