//! The relay to RabbitMQ.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{BasicAckOptions, BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use orderwire::{
    domain::{Relay, Timestamp},
    outbound::{Broker, Message, rabbitmq::RabbitMq},
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::timeout;

use super::{Received, SOON, TestBroker, every_event_arrives, on_each_engine};
use crate::support::{port::free_port, wait_until};

/// A server of one test. Dropping it kills it.
pub struct Server {
    port: u16,
    folder: tempfile::TempDir,
    process: Mutex<Option<Child>>,
}

impl Server {
    /// A server that is not started yet.
    fn new() -> Self {
        Self { port: free_port(), folder: tempfile::tempdir().unwrap(), process: Mutex::default() }
    }

    pub fn start() -> Self {
        let server = Self::new();
        server.start_again();
        server
    }

    /// Starts it. It takes some seconds until it accepts connections.
    fn start_again(&self) {
        let program = std::env::var("ORDERWIRE_TEST_RABBITMQ").expect(
            "ORDERWIRE_TEST_RABBITMQ names no RabbitMQ; start the tests with: scripts/services run cargo nextest run",
        );
        let mut command = Command::new(program);
        command.arg(self.port.to_string()).arg(self.folder.path()).stdin(Stdio::null());
        *self.process.lock() = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    /// Kills it as a crash would.
    fn kill(&self) {
        if let Some(mut process) = self.process.lock().take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn url(&self, credentials: &str) -> String {
        format!("amqp://{credentials}127.0.0.1:{}", self.port)
    }

    /// A connection with a channel, once the server accepts connections.
    pub async fn connect(&self) -> (Connection, Channel) {
        let (url, mut connection) = (self.url(""), None);
        wait_until("RabbitMQ accepts connections", SOON, async || {
            let connect = Connection::connect(&url, ConnectionProperties::default());
            // A server that is starting may leave an attempt without an answer.
            connection = timeout(Duration::from_secs(5), connect).await.ok().and_then(Result::ok);
            connection.is_some()
        })
        .await;
        let connection = connection.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn durable() -> ExchangeDeclareOptions {
    ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() }
}

impl TestBroker for Server {
    const RELAY: Relay = Relay::RabbitMq;

    fn broker(&self, place: &str) -> Arc<dyn Broker> {
        Arc::new(RabbitMq::new(&self.url(""), place.to_owned(), true).unwrap())
    }

    /// An exchange, and a queue with the same name that takes all of it.
    async fn make(&self, place: &str) {
        let (_connection, channel) = self.connect().await;
        channel.exchange_declare(place.into(), ExchangeKind::Topic, durable(), FieldTable::default()).await.unwrap();
        channel.queue_declare(place.into(), QueueDeclareOptions::durable(), FieldTable::default()).await.unwrap();
        let bind = channel.queue_bind(
            place.into(),
            place.into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bind.await.unwrap();
    }

    async fn take(&self, place: &str) -> Vec<Received> {
        let (_connection, channel) = self.connect().await;
        let mut taken = Vec::new();
        // A server that is killed in between has the rest, and maybe what was acknowledged last.
        while let Ok(Some(got)) = channel.basic_get(place.into(), BasicGetOptions::default()).await {
            let body: Value = serde_json::from_slice(&got.delivery.data).unwrap();
            let properties = &got.delivery.properties;
            assert_eq!(
                (properties.message_id().as_ref().unwrap().as_str(), *properties.delivery_mode()),
                (body["id"].as_str().unwrap(), Some(2))
            );
            taken.push(Received {
                key: got.delivery.routing_key.to_string(),
                content_type: properties.content_type().as_ref().unwrap().to_string(),
                body,
            });
            if got.delivery.ack(BasicAckOptions::default()).await.is_err() {
                break;
            }
        }
        taken
    }

    fn key(body: &Value) -> &Value {
        &body["type"]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_as_a_cloud_event_in_the_order_of_the_log() {
    every_event_arrives(&Server::start()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_relayed() {
    super::a_backlog_is_relayed(&Server::start()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_the_start_and_killed_later_is_given_everything_in_order() {
    let server = Server::new();
    on_each_engine(&server, async |mut shops| {
        let mut running = Vec::new();
        for shop in &shops {
            shop.trade(0..2).await;
            running.push(shop.run().await);
        }
        for shop in &shops {
            wait_until("the relay has failed twice", SOON, async || shop.failures().await >= 2).await;
        }
        server.start_again();
        for shop in &mut shops {
            server.make(shop.place).await;
            shop.has_the_whole_log().await;
        }
        let [sqlite, mongodb] = &shops;
        let crash = async {
            wait_until("the relay is at work", SOON, async || {
                let mut taken = 0;
                for shop in &shops {
                    taken += shop.relay().await.map_or(0, |relay| relay.progress.position);
                }
                taken > 100
            })
            .await;
            server.kill();
            server.start_again();
        };
        tokio::join!(sqlite.trade(10..25), mongodb.trade(10..25), crash);
        for shop in &mut shops {
            shop.trade(30..32).await;
            shop.has_the_whole_log().await;
        }
        for running in running {
            running.stop().await;
        }
    })
    .await;
}

fn message(id: &str, kind: &str) -> Message {
    let at = Timestamp::from_unix_millis(1_764_000_000_000);
    Message { id: id.to_owned(), kind: kind.to_owned(), key: "ord_1".to_owned(), at, body: b"{}".to_vec() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rabbitmq_refuses_is_named_without_the_password() {
    let server = Server::start();
    let (_connection, channel) = server.connect().await;
    let refused = async |url: &str, exchange: &str| {
        let broker = RabbitMq::new(url, exchange.to_owned(), true).unwrap();
        broker.connect().await.err().expect("it is refused")
    };
    let wrong_password = refused(&server.url("guest:hush@"), "orderwire").await;
    assert!(wrong_password.contains("ACCESS_REFUSED") && wrong_password.contains("127.0.0.1"), "{wrong_password}");
    assert!(!wrong_password.contains("hush"), "{wrong_password}");
    let wrong_host = refused(&format!("{}/none", server.url("guest:guest@")), "orderwire").await;
    assert!(wrong_host.contains("vhost") && wrong_host.contains("none"), "{wrong_host}");
    channel.exchange_declare("direct".into(), ExchangeKind::Direct, durable(), FieldTable::default()).await.unwrap();
    let wrong_type = refused(&server.url(""), "direct").await;
    assert!(
        wrong_type.contains("PRECONDITION_FAILED") && wrong_type.contains("topic exchange \"direct\""),
        "{wrong_type}"
    );

    // What no queue takes is found by its id, whichever confirmation it came with.
    let queue = QueueDeclareOptions::durable();
    channel.queue_declare("orders".into(), queue, FieldTable::default()).await.unwrap();
    let broker = RabbitMq::new(&server.url(""), "orderwire".to_owned(), true).unwrap();
    let mut publisher = broker.connect().await.unwrap();
    let bind = QueueBindOptions::default();
    channel
        .queue_bind("orders".into(), "orderwire".into(), "order.*".into(), bind, FieldTable::default())
        .await
        .unwrap();
    let sent: Vec<Message> = (0..50)
        .map(|number| message(&format!("evt_{number}"), if number == 20 { "task.created" } else { "order.placed" }))
        .collect();
    let unconfirmed = publisher.publish(&sent).await.unwrap_err();
    assert_eq!(unconfirmed.confirmed, 20);
    assert!(unconfirmed.reason.contains("no queue takes task.created"), "{}", unconfirmed.reason);
    let lenient = RabbitMq::new(&server.url(""), "orderwire".to_owned(), false).unwrap();
    lenient.connect().await.unwrap().publish(&sent).await.unwrap();
    assert_eq!(server.take_count("orders").await, 98, "all but the one that no queue takes, twice");

    // A server that hangs: the attempt ends, and so does its connection.
    server.signal("STOP");
    let hanging = refused(&server.url(""), "orderwire").await;
    server.signal("CONT");
    assert!(hanging.contains("has not answered within 8 s"), "{hanging}");
    wait_until("no thread of an attempt is left", Duration::from_secs(20), async || io_threads() <= 2).await;
}

/// Threads of this process that serve connections of lapin.
fn io_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).filter(|name| name.starts_with("lapin")).count()
}

impl Server {
    fn signal(&self, name: &str) {
        let id = self.process.lock().as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// How many messages a queue had; they are gone then.
    async fn take_count(&self, queue: &str) -> usize {
        let (_connection, channel) = self.connect().await;
        let mut count = 0;
        let take = BasicGetOptions { no_ack: true };
        while channel.basic_get(queue.into(), take).await.unwrap().is_some() {
            count += 1;
        }
        count
    }
}
