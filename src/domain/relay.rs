//! Relays: consumers of the event log that publish every event to a broker of the operator's.
//!
//! Decision: `docs/decisions/0036-brokers.md`.

use super::declare::text_enum;

text_enum! {
    /// A relay, by the name of its consumer.
    pub enum Relay {
        /// To an exchange of RabbitMQ.
        RabbitMq => "rabbitmq",
        /// To a topic of Kafka.
        Kafka => "kafka",
    }
}
