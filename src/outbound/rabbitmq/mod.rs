//! Publishes to an exchange of RabbitMQ, with publisher confirms.
//!
//! Decision: `docs/decisions/0036-brokers.md`.

mod socket;

use std::time::Duration;

use async_trait::async_trait;
use lapin::{
    AsyncTcpStream, BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, ExchangeKind,
    PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    types::{FieldTable, ShortString},
    uri::AMQPUri,
};
use parking_lot::Mutex;
use tokio::{runtime::Handle, time::timeout};

use self::socket::CutOff;
use super::{Broker, CLOUD_EVENT, Message, Publisher, Unconfirmed};

/// How long connecting may take.
const CONNECTED_WITHIN: Duration = Duration::from_secs(8);
/// How long the confirmations of some messages may take.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(15);
/// How long RabbitMQ may take to close a connection before it is cut off.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);
/// Bytes of a frame at most, unless the URL says so. lapin has buffers of 64 frames.
const FRAME_BYTES: u32 = 32 * 1024;
/// Seconds without a sign of life after which a connection counts as broken, unless the URL says so.
const HEARTBEAT: u16 = 10;
/// The longest name that the protocol has room for.
const LONGEST_NAME: usize = 255;
/// The message is stored before it is confirmed.
const PERSISTENT: u8 = 2;

/// An exchange of RabbitMQ.
pub struct RabbitMq {
    uri: AMQPUri,
    exchange: String,
    mandatory: bool,
}

impl RabbitMq {
    /// Publishes to this exchange, by `amqp://USER:PASSWORD@HOST:PORT/VHOST` or `amqps://…`. With `mandatory`, a message that no
    /// queue takes is a failure. The error says what the URL must look like, and does not repeat it.
    pub fn new(url: &str, exchange: String, mandatory: bool) -> Result<Self, &'static str> {
        let mut uri: AMQPUri = url.parse().map_err(|_| "must be amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST]")?;
        if uri.vhost.len() > LONGEST_NAME || exchange.len() > LONGEST_NAME {
            return Err("the names of a virtual host and of an exchange have at most 255 bytes");
        }
        uri.query.frame_max.get_or_insert(FRAME_BYTES);
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(Self { uri, exchange, mandatory })
    }

    /// Connects and opens a channel that confirms what it takes.
    async fn open(&self) -> Result<Exchange, String> {
        let place = format!("{}:{}", self.uri.authority.host, self.uri.authority.port);
        let connected = socket::connect(&self.uri).await;
        let (socket, cut_off) = connected.map_err(|error| format!("can't connect to RabbitMQ at {place}: {error}"))?;
        let socket = Mutex::new(Some(socket));
        let connect = async move |_, _| {
            let socket = socket.lock().take();
            socket.map(AsyncTcpStream::Plain).ok_or_else(|| ErrorKind::FutureCompleted.into())
        };
        let properties = ConnectionProperties::default().with_connection_name("orderwire".into());
        let connection = Connection::connector(self.uri.clone(), socket::runtime(), connect, properties).await;
        let connection = connection.map_err(|error| format!("RabbitMQ at {place} refuses the connection: {error}"))?;
        let channel = connection.create_channel().await.map_err(|error| self.refused(&error))?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let name = ShortString::from(self.exchange.as_str());
        let declared = channel.exchange_declare(name.clone(), ExchangeKind::Topic, durable, FieldTable::default());
        declared.await.map_err(|error| self.refused(&error))?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        confirms.await.map_err(|error| self.refused(&error))?;
        Ok(Exchange { channel, connection: Some((connection, cut_off)), name, mandatory: self.mandatory })
    }

    fn refused(&self, error: &lapin::Error) -> String {
        let exchange = &self.exchange;
        format!("RabbitMQ refuses the durable topic exchange {exchange:?}: {error}")
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn connect(&self) -> Result<Box<dyn Publisher>, String> {
        match timeout(CONNECTED_WITHIN, self.open()).await {
            Ok(opened) => Ok(Box::new(opened?)),
            Err(_) => Err(format!("RabbitMQ has not answered within {} s", CONNECTED_WITHIN.as_secs())),
        }
    }
}

/// An open channel to an exchange.
struct Exchange {
    channel: Channel,
    /// Always there until this is dropped. Cut off last.
    connection: Option<(Connection, CutOff)>,
    name: ShortString,
    mandatory: bool,
}

impl Drop for Exchange {
    /// Says goodbye, and cuts the connection off if RabbitMQ does not answer.
    fn drop(&mut self) {
        let Some((connection, cut_off)) = self.connection.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                // It fails if the connection is broken.
                let _ = timeout(CLOSED_WITHIN, connection.close(200, "done".into())).await;
                drop(cut_off);
            });
        }
    }
}

#[async_trait]
impl Publisher for Exchange {
    fn is_open(&self) -> bool {
        self.channel.status().connected()
    }

    async fn publish(&mut self, messages: &[Message]) -> Result<(), Unconfirmed> {
        let none = |reason| Unconfirmed { confirmed: 0, reason };
        match timeout(CONFIRMED_WITHIN, self.publish_all(messages)).await {
            Ok(Ok(confirmations)) => self.check(messages, confirmations),
            Ok(Err(error)) => Err(none(format!("RabbitMQ has not taken the messages: {error}"))),
            Err(_) if self.is_blocked() => {
                Err(none("RabbitMQ takes no messages: it is short of memory or disk".to_owned()))
            }
            Err(_) => Err(none(format!("RabbitMQ has not confirmed within {} s", CONFIRMED_WITHIN.as_secs()))),
        }
    }
}

impl Exchange {
    fn is_blocked(&self) -> bool {
        self.connection.as_ref().is_some_and(|(connection, _)| connection.status().blocked())
    }

    /// Publishes all messages, then waits for all confirmations.
    async fn publish_all(&self, messages: &[Message]) -> lapin::Result<Vec<Confirmation>> {
        let mut confirms: Vec<PublisherConfirm> = Vec::with_capacity(messages.len());
        for message in messages {
            let options = BasicPublishOptions { mandatory: self.mandatory, ..BasicPublishOptions::default() };
            let properties = BasicProperties::default()
                .with_content_type(CLOUD_EVENT.into())
                .with_delivery_mode(PERSISTENT)
                .with_message_id(message.id.as_str().into())
                .with_timestamp(message.at.unix_millis().div_euclid(1000).unsigned_abs());
            let (exchange, key) = (self.name.clone(), message.kind.as_str().into());
            confirms.push(self.channel.basic_publish(exchange, key, options, &message.body, properties).await?);
        }
        let mut confirmations = Vec::with_capacity(confirms.len());
        for confirm in confirms {
            confirmations.push(confirm.await?);
        }
        Ok(confirmations)
    }

    /// Fails from the first message on that RabbitMQ has refused or returned. What is returned may come with the confirmation of
    /// another message, so it is known by its id.
    fn check(&self, messages: &[Message], confirmations: Vec<Confirmation>) -> Result<(), Unconfirmed> {
        let mut first: Option<Unconfirmed> = None;
        let mut fail = |confirmed: usize, reason: String| {
            if first.as_ref().is_none_or(|found| confirmed < found.confirmed) {
                first = Some(Unconfirmed { confirmed, reason });
            }
        };
        for (place, confirmation) in confirmations.into_iter().enumerate() {
            if !confirmation.is_ack() {
                fail(place, "RabbitMQ could not store the message".to_owned());
            }
            let Some(returned) = confirmation.take_message() else { continue };
            let id = returned.delivery.properties.message_id().as_ref().map(ShortString::as_str);
            let place = messages.iter().position(|message| Some(message.id.as_str()) == id).unwrap_or(0);
            fail(
                place,
                format!(
                    "no queue takes {} from the exchange {:?} ({}); bind one, by # for all events, or set rabbitmq.mandatory \
                     = false",
                    returned.delivery.routing_key, self.name, returned.reply_text
                ),
            );
        }
        first.map_or(Ok(()), Err)
    }
}
