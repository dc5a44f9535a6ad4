//! Settings of the relay to RabbitMQ.

use super::{SecretUrl, Setting, section::section};

/// URL of a RabbitMQ server. It is printed without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RabbitMqUrl(SecretUrl);

impl RabbitMqUrl {
    /// The URL with its password.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl Setting for RabbitMqUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let url = SecretUrl::new(text);
        match url.scheme() {
            "amqp" | "amqps" => Ok(Self(url)),
            _ => Err("must be amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST], or amqps:// for TLS".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(&self.0.to_string()))
    }
}

section! {
    /// RabbitMQ, to which every event of the log is relayed if `url` is set. See docs/brokers.md.
    "rabbitmq" RabbitMq {
        /// `amqp://USER:PASSWORD@HOST:5672/VHOST`, or `amqps://…` for TLS. Without a VHOST it is `/`, which is written `%2f`.
        url: Option<RabbitMqUrl> = None, example "\"amqp://orderwire:change-me@127.0.0.1:5672\"";
        /// The durable topic exchange that events are published to. It is made if it is not there.
        exchange: String = "orderwire".to_owned();
        /// Whether an event must reach a queue. If no queue is bound that takes it, the relay waits until there is one, so that
        /// nothing is lost. If this is false, RabbitMQ drops such events.
        mandatory: bool = true;
    }
}

impl RabbitMq {
    /// Problems of the settings, each as the setting's key and a message.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let is_name = (1..=255).contains(&self.exchange.len()) && !self.exchange.starts_with("amq.");
        if is_name {
            return Vec::new();
        }
        vec![("rabbitmq.exchange", "must be a name of 1 to 255 bytes that does not begin with amq.".to_owned())]
    }
}
