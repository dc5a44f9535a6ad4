//! Settings of the relay to Kafka.

use super::{Secret, section::section, setting::keywords};

keywords! {
    /// How the relay proves who it is.
    KafkaMechanism {
        /// The password itself is sent, so TLS is needed.
        Plain = "plain",
        /// Salted challenge and response with SHA-256.
        ScramSha256 = "scram-sha-256",
        /// Salted challenge and response with SHA-512.
        ScramSha512 = "scram-sha-512",
    }
}

section! {
    /// Kafka, to which every event of the log is relayed if `brokers` are set. See docs/brokers.md.
    "kafka" Kafka {
        /// Some brokers of the cluster: `HOST:PORT`. The program must be built with the feature `kafka`, as the image is.
        brokers: Vec<String> = Vec::new();
        /// The topic that events are published to. It must exist; the key is the id of what an event is about.
        topic: String = "orderwire".to_owned();
        /// Whether connections use TLS, with the certificate authorities of Mozilla.
        tls: bool = false;
        /// Who the relay is. If unset, it does not say.
        user: Option<String> = None, example "\"orderwire\"";
        /// The password of the user.
        password: Option<Secret> = None, example "\"change me\"";
        /// How the password is proved: `plain`, `scram-sha-256` or `scram-sha-512`.
        mechanism: KafkaMechanism = KafkaMechanism::ScramSha512;
    }
}

impl Kafka {
    /// Problems of the settings, each as the setting's key and a message.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let is_address = |broker: &String| {
            broker.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !self.brokers.iter().all(is_address) {
            faults.push(("kafka.brokers", "must be addresses such as kafka1:9092, separated by commas".to_owned()));
        }
        if !self.brokers.is_empty() && !cfg!(feature = "kafka") {
            let message = "this program was built without Kafka; build it with --features kafka, or take the image";
            faults.push(("kafka.brokers", message.to_owned()));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=249).contains(&self.topic.len()) || !self.topic.bytes().all(allowed) {
            faults.push(("kafka.topic", "must be 1 to 249 letters, digits and `.`, `_` or `-`".to_owned()));
        }
        if self.user.is_some() != self.password.is_some() {
            faults.push(("kafka.password", "must be set with kafka.user, and neither without the other".to_owned()));
        }
        faults
    }
}
