//! The metrics as text.

use prometheus_client::encoding::prometheus_text;

use super::{catalog::metrics, process};

/// The media type of [`render`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// All metrics with their current values, in the text format of Prometheus.
pub fn render() -> String {
    let metrics = metrics();
    process::update(metrics);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = prometheus_text::encode(&mut text, metrics.registry());
    text
}
