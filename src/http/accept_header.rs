//! Parses `Accept` and `Accept-Encoding` headers.

use axum::http::{HeaderMap, header};

/// Whether the client accepts a content coding such as `gzip`.
pub(in crate::http) fn accepts_encoding(headers: &HeaderMap, coding: &str) -> bool {
    let quality_of = |wanted: &str| {
        headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(MediaRange::parse)
            .find(|range| range.essence == wanted)
            .map(|range| range.quality)
    };
    quality_of(coding).or_else(|| quality_of("*")).is_some_and(|quality| quality > 0)
}

/// One media range of an `Accept` header, with its parameters.
pub(in crate::http) struct MediaRange<'a> {
    pub(in crate::http) essence: String,
    charset: Option<&'a str>,
    /// Whether it has `subscriptionSpec=1.0`, the parameter of multipart subscriptions.
    pub(in crate::http) for_subscriptions: bool,
    /// Whether it has `cursors=true`: the heartbeats of a multipart subscription may say how far it is.
    pub(in crate::http) takes_cursors: bool,
    /// The quality value (`q`) in thousandths.
    pub(in crate::http) quality: u16,
}

impl<'a> MediaRange<'a> {
    pub(in crate::http) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().filter(|essence| !essence.is_empty())?.to_ascii_lowercase();
        let mut range = Self { essence, charset: None, for_subscriptions: false, takes_cursors: false, quality: 1000 };
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("q") => range.quality = quality(value)?,
                name if name.eq_ignore_ascii_case("charset") => range.charset = Some(value),
                name if name.eq_ignore_ascii_case("subscriptionSpec") => range.for_subscriptions = value == "1.0",
                name if name.eq_ignore_ascii_case("cursors") => range.takes_cursors = value == "true",
                _ => {}
            }
        }
        range.is_utf8().then_some(range)
    }

    fn is_utf8(&self) -> bool {
        self.charset.is_none_or(|name| name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8"))
    }
}

fn quality(text: &str) -> Option<u16> {
    let value: f32 = text.parse().ok()?;
    // At most 1000, so the cast cannot truncate.
    (0.0..=1.0).contains(&value).then_some((value * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_accepted_only_when_offered() {
        for (value, expected) in
            [("gzip, deflate, br", true), ("*", true), ("gzip;q=0", false), ("br", false), ("gzip;q=0, *", false)]
        {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(accepts_encoding(&headers, "gzip"), expected, "{value}");
        }
        assert!(!accepts_encoding(&HeaderMap::new(), "gzip"));
    }
}
