//! Publishes to a topic of Kafka, each message confirmed by all replicas that are in sync.
//!
//! The client tries nothing again by itself: a failure ends the connection, and the relay begins anew after its stored position.
//!
//! Decision: `docs/decisions/0036-brokers.md`.

mod partitioner;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use futures_util::future::{join_all, try_join_all};
use rskafka::{
    BackoffConfig, BackoffError,
    chrono::{DateTime, Utc},
    client::{
        self, Client, ClientBuilder, SaslConfig,
        error::Error,
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use tokio::time::timeout;

use self::partitioner::partition;
use super::{Broker, CLOUD_EVENT, Message, Publisher, Unconfirmed, tls};

/// How long connecting may take.
const CONNECTED_WITHIN: Duration = Duration::from_secs(8);
/// How long the confirmations of some messages may take.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(15);
/// Bytes of an answer of Kafka at most; the longest ones say which topics there are.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Where and how messages are published.
#[derive(Clone)]
pub struct KafkaOptions {
    /// Some brokers of the cluster, as `HOST:PORT`.
    pub brokers: Vec<String>,
    /// The topic, which must exist.
    pub topic: String,
    /// Whether connections use TLS.
    pub tls: bool,
    /// Who publishes; `None` if Kafka does not ask.
    pub credentials: Option<Credentials>,
}

/// A user of Kafka.
#[derive(Clone)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// How the password is proved.
    pub mechanism: Mechanism,
}

/// How a password is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// It is sent.
    Plain,
    /// By challenge and response with SHA-256.
    ScramSha256,
    /// By challenge and response with SHA-512.
    ScramSha512,
}

/// A topic of Kafka.
pub struct Kafka(KafkaOptions);

impl Kafka {
    /// Publishes as the options say.
    pub fn new(options: KafkaOptions) -> Self {
        Self(options)
    }

    async fn open(&self) -> Result<Topic, String> {
        let KafkaOptions { brokers, topic, .. } = &self.0;
        let client = self.builder().build().await;
        let client =
            client.map_err(|error| format!("can't connect to Kafka at {}: {}", brokers.join(", "), text(error)))?;
        let topics = client.list_topics().await.map_err(text)?;
        let found = topics.into_iter().find(|found| found.name == *topic && !found.partitions.is_empty());
        let found = found.ok_or_else(|| format!("Kafka has no topic {topic:?} that this user sees; create it"))?;
        let open = found.partitions.iter().map(|partition| open_partition(&client, topic, *partition));
        Ok(Topic { partitions: try_join_all(open).await? })
    }

    fn builder(&self) -> ClientBuilder {
        let KafkaOptions { brokers, tls, credentials, .. } = &self.0;
        let try_once = BackoffConfig { deadline: Some(Duration::ZERO), ..BackoffConfig::default() };
        let mut builder = ClientBuilder::new(brokers.clone())
            .client_id("orderwire")
            .max_message_size(ANSWER_BYTES)
            .backoff_config(try_once);
        if *tls {
            builder = builder.tls_config(tls::config());
        }
        if let Some(Credentials { user, password, mechanism }) = credentials {
            let credentials = client::Credentials::new(user.clone(), password.clone());
            builder = builder.sasl_config(match mechanism {
                Mechanism::Plain => SaslConfig::Plain(credentials),
                Mechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
                Mechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
            });
        }
        builder
    }
}

async fn open_partition(client: &Client, topic: &str, partition: i32) -> Result<PartitionClient, String> {
    client.partition_client(topic, partition, UnknownTopicHandling::Error).await.map_err(text)
}

/// What failed, without that it was not tried again.
fn text(error: Error) -> String {
    match error {
        Error::RetryFailed(BackoffError::DeadlineExceded { source, .. }) => source.to_string(),
        other => other.to_string(),
    }
}

#[async_trait]
impl Broker for Kafka {
    async fn connect(&self) -> Result<Box<dyn Publisher>, String> {
        match timeout(CONNECTED_WITHIN, self.open()).await {
            Ok(opened) => Ok(Box::new(opened?)),
            Err(_) => Err(format!("Kafka has not answered within {} s", CONNECTED_WITHIN.as_secs())),
        }
    }
}

/// The partitions of a topic, by their numbers.
struct Topic {
    partitions: Vec<PartitionClient>,
}

#[async_trait]
impl Publisher for Topic {
    /// Only a request shows whether it is.
    fn is_open(&self) -> bool {
        true
    }

    async fn publish(&mut self, messages: &[Message]) -> Result<(), Unconfirmed> {
        // The places of the messages of each partition.
        let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, message) in messages.iter().enumerate() {
            parts.entry(partition(message.key.as_bytes(), self.partitions.len())).or_default().push(place);
        }
        let sent = parts.into_iter().map(async |(partition, places)| {
            let records = places.iter().map(|place| record(&messages[*place])).collect();
            let produced = self.partitions[partition].produce(records, Compression::NoCompression);
            let reason = match timeout(CONFIRMED_WITHIN, produced).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => format!("Kafka has not taken the messages: {}", text(error)),
                Err(_) => format!("Kafka has not confirmed within {} s", CONFIRMED_WITHIN.as_secs()),
            };
            Err(Unconfirmed { confirmed: places.first().copied().unwrap_or(0), reason })
        });
        let failed = join_all(sent).await.into_iter().filter_map(Result::err);
        failed.min_by_key(|failure| failure.confirmed).map_or(Ok(()), Err)
    }
}

fn record(message: &Message) -> Record {
    let header = ("content-type".to_owned(), CLOUD_EVENT.as_bytes().to_vec());
    Record {
        key: Some(message.key.clone().into_bytes()),
        value: Some(message.body.clone()),
        headers: BTreeMap::from([header]),
        timestamp: DateTime::<Utc>::from_timestamp_millis(message.at.unix_millis()).unwrap_or_default(),
    }
}
