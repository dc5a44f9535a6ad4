//! Settings of the metrics endpoint.

use super::{BindAddress, Setting, section::section};

/// The address when none is set.
const DEFAULT: &str = "127.0.0.1:9464";

/// Where metrics are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAddress {
    /// At `127.0.0.1:9464`, or not at all if that port is taken.
    IfFree,
    /// At this address; a port that is taken is an error.
    At(BindAddress),
    /// Metrics are not served.
    Off,
}

impl MetricsAddress {
    /// `HOST:PORT`, or `None` if metrics are not served.
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
                Err(_) => Err("must be HOST:PORT, for example 127.0.0.1:9464, or off".to_owned()),
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
        /// The address that serves `/metrics`, or `off`. Choose an address that clients cannot reach. If unset and the port
        /// is taken, the server logs a warning and runs without metrics.
        bind: MetricsAddress = MetricsAddress::IfFree, env "METRICS_BIND";
    }
}
