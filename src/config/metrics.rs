//! The metrics.

use super::{BindAddress, Setting, reader::section};

/// Where nothing else is said.
const DEFAULT: &str = "127.0.0.1:9464";

/// Where metrics are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAddress {
    /// At `127.0.0.1:9464`, unless something else listens there.
    IfFree,
    /// Here.
    At(BindAddress),
    /// Nowhere.
    Off,
}

impl MetricsAddress {
    /// `HOST:PORT`, if they are served.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::IfFree => Some(DEFAULT),
            Self::At(address) => Some(address.as_str()),
            Self::Off => None,
        }
    }
}

impl Setting for MetricsAddress {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            address => match BindAddress::parse(address) {
                Ok(address) => Ok(Self::At(address)),
                Err(_) => Err("has to be HOST:PORT, for example 127.0.0.1:9464, or off".to_owned()),
            },
        }
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(self.address().unwrap_or("off")))
    }
}

section! {
    /// The metrics, in the text format of Prometheus.
    "metrics" Metrics {
        /// Where `/metrics` is served, or `off`. It has an address of its own, and should not be one that clients reach.
        /// Unless set, metrics are left out with a warning when something else listens there.
        bind: MetricsAddress = MetricsAddress::IfFree, env "METRICS_BIND";
    }
}
