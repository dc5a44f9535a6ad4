//! Which media type to answer in, and which one a request is written in.

use axum::http::{HeaderMap, StatusCode, header};

use super::error::Failure;

/// The media type of a GraphQL answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`: the status is 200 for every well-formed request, whatever its result.
    Json,
    /// `application/graphql-response+json`: the status tells a refused request from an executed one.
    GraphqlResponse,
}

impl Format {
    /// In the order they are taken when the client has no preference.
    const ALL: [Self; 2] = [Self::Json, Self::GraphqlResponse];

    const fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json",
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// The format with the highest quality value; among equals the one named first, and one named before one meant by a
/// wildcard. Without `Accept`, and for `*/*`, JSON.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<Format, Failure> {
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if !headers.contains_key(header::ACCEPT) {
        return Ok(Format::Json);
    }
    let ranges: Vec<Range<'_>> = values.iter().flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
    let mut best: Option<(Format, Match)> = None;
    for format in Format::ALL {
        let found = best_match(&ranges, format.essence());
        if found.quality > 0 && best.is_none_or(|(_, other)| found.beats(other)) {
            best = Some((format, found));
        }
    }
    best.map(|(format, _)| format).ok_or_else(|| {
        let streamed = ranges.iter().any(|range| ["text/event-stream", "multipart/mixed"].contains(&&*range.essence));
        let message = if streamed {
            "Subscriptions are served over WebSocket at this path; queries and mutations as \
             application/graphql-response+json or application/json."
        } else {
            "Answers are application/graphql-response+json or application/json, in UTF-8."
        };
        Failure::new(StatusCode::NOT_ACCEPTABLE, "BAD_USER_INPUT", message)
    })
}

/// Whether the body is JSON in UTF-8. Only this type cannot be sent by a foreign page without a CORS preflight.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Failure> {
    let refuse = |message| Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", message));
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let range = types.next().and_then(|value| value.to_str().ok()).and_then(Range::parse);
    match range {
        Some(range) if range.essence == Format::Json.essence() && types.next().is_none() => {}
        _ => return refuse("The body must be application/json in UTF-8: set Content-Type."),
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            refuse("Compressed bodies are not taken.")
        }
        _ => Ok(()),
    }
}

/// Whether the client takes this content coding.
pub(super) fn accepts_encoding(headers: &HeaderMap, coding: &str) -> bool {
    let quality_of = |wanted: &str| {
        headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::parse)
            .find(|range| range.essence == wanted)
            .map(|range| range.quality)
    };
    quality_of(coding).or_else(|| quality_of("*")).is_some_and(|quality| quality > 0)
}

/// One element of an `Accept` header.
struct Range<'a> {
    essence: String,
    charset: Option<&'a str>,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().filter(|essence| !essence.is_empty())?.to_ascii_lowercase();
        let mut range = Self { essence, charset: None, quality: 1000 };
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("q") => range.quality = quality(value)?,
                name if name.eq_ignore_ascii_case("charset") => range.charset = Some(value),
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
    // In range, so the cast is exact enough.
    (0.0..=1.0).contains(&value).then_some((value * 1000.0).round() as u16)
}

/// How well the client takes a type.
#[derive(Clone, Copy)]
struct Match {
    quality: u16,
    /// Where the type is named; past every element when only a wildcard covers it.
    position: usize,
}

impl Match {
    fn beats(self, other: Self) -> bool {
        (self.quality, std::cmp::Reverse(self.position)) > (other.quality, std::cmp::Reverse(other.position))
    }
}

/// The most specific element that covers the type decides.
fn best_match(ranges: &[Range<'_>], essence: &str) -> Match {
    let named = ranges.iter().position(|range| range.essence == essence);
    let any_of_kind = || ranges.iter().find(|range| range.essence == "application/*");
    let any = || ranges.iter().find(|range| range.essence == "*/*");
    match named {
        Some(position) => Match { quality: ranges[position].quality, position },
        None => {
            let quality = any_of_kind().or_else(any).map_or(0, |range| range.quality);
            Match { quality, position: usize::MAX }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn chosen(accept: &'static str) -> Option<Format> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        negotiate(&headers).ok()
    }

    #[test]
    fn prefers_by_quality_then_by_order() {
        use Format::{GraphqlResponse, Json};
        for (accept, expected) in [
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(GraphqlResponse)),
            (
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                Some(GraphqlResponse),
            ),
            ("application/json, application/graphql-response+json", Some(Json)),
            ("application/json;q=0.8, application/graphql-response+json", Some(GraphqlResponse)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("*/*, application/graphql-response+json", Some(GraphqlResponse)),
            ("*/*;q=0.1, application/graphql-response+json;q=0.9", Some(GraphqlResponse)),
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Some(Json)),
            ("APPLICATION/JSON", Some(Json)),
            ("application/json; charset=\"UTF-8\"", Some(Json)),
            ("application/json; charset=iso-8859-1", None),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=2", None),
            ("text/event-stream", None),
            ("", None),
            (",;=,q", None),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new()).ok(), Some(Json));
    }

    #[test]
    fn takes_gzip_only_when_offered() {
        for (value, expected) in
            [("gzip, deflate, br", true), ("*", true), ("gzip;q=0", false), ("br", false), ("gzip;q=0, *", false)]
        {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(accepts_encoding(&headers, "gzip"), expected, "{value}");
        }
        assert!(!accepts_encoding(&HeaderMap::new(), "gzip"));
    }
}
