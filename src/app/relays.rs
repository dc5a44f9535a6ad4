//! The brokers that the event log is relayed to.

use std::sync::Arc;

use super::error::StartError;
use crate::{
    config::Config,
    domain::Relay,
    outbound::{Broker, rabbitmq::RabbitMq},
    service::Relays,
};
#[cfg(feature = "kafka")]
use crate::{
    config::KafkaMechanism,
    outbound::kafka::{Credentials, Kafka, KafkaOptions, Mechanism},
};

/// The brokers that are configured. Nothing is connected to yet.
pub(super) fn open(config: &Config) -> Result<Relays, StartError> {
    let mut brokers: Vec<(Relay, Arc<dyn Broker>)> = Vec::new();
    if let Some(url) = &config.rabbitmq.url {
        let (exchange, mandatory) = (config.rabbitmq.exchange.clone(), config.rabbitmq.mandatory);
        let broker = RabbitMq::new(url.reveal(), exchange, mandatory).map_err(StartError::RabbitMq)?;
        brokers.push((Relay::RabbitMq, Arc::new(broker)));
    }
    #[cfg(feature = "kafka")]
    if !config.kafka.brokers.is_empty() {
        brokers.push((Relay::Kafka, Arc::new(Kafka::new(kafka_options(&config.kafka)))));
    }
    Ok(Relays::new(brokers))
}

#[cfg(feature = "kafka")]
fn kafka_options(settings: &crate::config::Kafka) -> KafkaOptions {
    let mechanism = match settings.mechanism {
        KafkaMechanism::Plain => Mechanism::Plain,
        KafkaMechanism::ScramSha256 => Mechanism::ScramSha256,
        KafkaMechanism::ScramSha512 => Mechanism::ScramSha512,
    };
    let credentials = settings.user.clone().zip(settings.password.as_ref());
    KafkaOptions {
        brokers: settings.brokers.clone(),
        topic: settings.topic.clone(),
        tls: settings.tls,
        credentials: credentials.map(|(user, password)| Credentials {
            user,
            password: password.reveal().to_owned(),
            mechanism,
        }),
    }
}
