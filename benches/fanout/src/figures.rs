//! Figures as the reports have them.

/// Percentile of sorted microseconds, in milliseconds; NaN if there are none.
pub fn quantile(sorted: &[u32], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).map_or(f64::NAN, |micros| rounded(f64::from(*micros) / 1e3))
}

/// Rounds to two decimals.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
