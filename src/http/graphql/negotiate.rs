//! Content negotiation: the media type of the response, and that of the request body.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::http::{accept_header::MediaRange, error::HttpError, response_format::ResponseFormat};

/// How the response to an operation is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ResponseMode {
    /// As a single response.
    Single(ResponseFormat),
    /// As a stream of server-sent events.
    EventStream,
    /// As a multipart stream.
    Multipart {
        /// Set if the client also accepts single responses, which queries and mutations then get.
        single: Option<ResponseFormat>,
        /// Whether heartbeats may have cursors. Clients that don't ask for them may take them for results.
        cursors: bool,
    },
}

impl ResponseMode {
    /// The format of errors that come before the operation runs.
    pub(in crate::http) fn error_format(self) -> ResponseFormat {
        match self {
            Self::Single(format) | Self::Multipart { single: Some(format), .. } => format,
            Self::EventStream | Self::Multipart { single: None, .. } => ResponseFormat::Json,
        }
    }
}

const EVENT_STREAM: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed";

/// The response mode that the client prefers: the highest quality value first, then the order of the header, and types
/// named explicitly before those that only a wildcard matches. JSON without `Accept`, for an empty one and for `*/*`.
/// Streams must be named explicitly.
pub(in crate::http) fn negotiate(headers: &HeaderMap) -> Result<ResponseMode, HttpError> {
    if headers.get_all(header::ACCEPT).iter().all(is_empty_list) {
        return Ok(ResponseMode::Single(ResponseFormat::Json));
    }
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<MediaRange<'_>> =
        values.iter().flat_map(|value| value.split(',')).filter_map(MediaRange::parse).collect();
    let mut whole: Option<(ResponseFormat, Match)> = None;
    for format in ResponseFormat::ALL {
        let found = best_match(&ranges, format.essence());
        if found.quality > 0 && whole.is_none_or(|(_, other)| found.beats(other)) {
            whole = Some((format, found));
        }
    }
    let single = whole.map(|(format, _)| format);
    let mut best = whole.map(|(format, found)| (ResponseMode::Single(format), found));
    let events = named(&ranges, |range| range.essence == EVENT_STREAM);
    let multipart = named(&ranges, |range| range.essence == MULTIPART && range.for_subscriptions);
    let cursors = multipart.is_some_and(|found| ranges[found.position].takes_cursors);
    for (mode, found) in [(ResponseMode::EventStream, events), (ResponseMode::Multipart { single, cursors }, multipart)]
    {
        if let Some(found) = found.filter(|found| found.quality > 0)
            && best.is_none_or(|(_, other)| found.beats(other))
        {
            best = Some((mode, found));
        }
    }
    best.map(|(mode, _)| mode).ok_or_else(|| {
        let message = "Answers are application/graphql-response+json, application/json, text/event-stream or \
                       multipart/mixed;subscriptionSpec=1.0, in UTF-8.";
        HttpError::new(StatusCode::NOT_ACCEPTABLE, "BAD_USER_INPUT", message)
    })
}

/// Checks that the body is JSON in UTF-8. A page of another origin cannot send this type without a CORS preflight.
pub(in crate::http) fn check_content_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let refuse = |message| Err(HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", message));
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let range = types.next().and_then(|value| value.to_str().ok()).and_then(MediaRange::parse);
    match range {
        Some(range) if range.essence == ResponseFormat::Json.essence() && types.next().is_none() => {}
        _ => return refuse("The body must be application/json in UTF-8: set Content-Type."),
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            refuse("Compressed request bodies are not supported.")
        }
        _ => Ok(()),
    }
}

/// Whether a header that is a comma-separated list has no element.
fn is_empty_list(value: &HeaderValue) -> bool {
    value.as_bytes().iter().all(|byte| matches!(byte, b' ' | b'\t' | b','))
}

/// How well a media type matches the `Accept` header.
#[derive(Clone, Copy)]
struct Match {
    quality: u16,
    /// Index of the range that names the type; `usize::MAX` when only a wildcard matches.
    position: usize,
}

impl Match {
    fn beats(self, other: Self) -> bool {
        (self.quality, std::cmp::Reverse(self.position)) > (other.quality, std::cmp::Reverse(other.position))
    }
}

fn named(ranges: &[MediaRange<'_>], is_meant: impl Fn(&MediaRange<'_>) -> bool) -> Option<Match> {
    let position = ranges.iter().position(is_meant)?;
    Some(Match { quality: ranges[position].quality, position })
}

/// The match of the most specific range that covers the type.
fn best_match(ranges: &[MediaRange<'_>], essence: &str) -> Match {
    let any_of_kind = || ranges.iter().find(|range| range.essence == "application/*");
    let any = || ranges.iter().find(|range| range.essence == "*/*");
    named(ranges, |range| range.essence == essence).unwrap_or_else(|| {
        let quality = any_of_kind().or_else(any).map_or(0, |range| range.quality);
        Match { quality, position: usize::MAX }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &'static str) -> Option<ResponseMode> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        negotiate(&headers).ok()
    }

    #[test]
    fn streams_are_chosen_only_when_named_explicitly() {
        use ResponseFormat::{GraphqlResponse, Json};
        use ResponseMode::{EventStream, Multipart, Single};
        let multipart = |single| Multipart { single, cursors: false };
        for (accept, expected) in [
            ("text/event-stream", Some(EventStream)),
            ("text/event-stream, */*", Some(EventStream)),
            ("application/json, text/event-stream", Some(Single(Json))),
            ("application/json;q=0.9, text/event-stream", Some(EventStream)),
            ("text/event-stream;q=0", None),
            ("text/*", None),
            ("multipart/mixed;subscriptionSpec=1.0, application/json", Some(multipart(Some(Json)))),
            (
                "multipart/mixed;boundary=graphql;subscriptionSpec=\"1.0\",application/graphql-response+json,application/json;q=0.9",
                Some(multipart(Some(GraphqlResponse))),
            ),
            ("multipart/mixed; subscriptionSpec=1.0", Some(multipart(None))),
            ("multipart/mixed;subscriptionSpec=1.0;cursors=true", Some(Multipart { single: None, cursors: true })),
            ("multipart/mixed;deferSpec=20220824, application/json", Some(Single(Json))),
            ("multipart/mixed", None),
            ("multipart/mixed;subscriptionSpec=2.0", None),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
    }

    #[test]
    fn formats_are_preferred_by_quality_then_by_order() {
        use ResponseFormat::{GraphqlResponse, Json};
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
            ("", Some(Json)),
            (" , \t,", Some(Json)),
            (",;=,q", None),
            ("\"\"", None),
        ] {
            assert_eq!(chosen(accept), expected.map(ResponseMode::Single), "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new()).ok(), Some(ResponseMode::Single(Json)));
    }
}
