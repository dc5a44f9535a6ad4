//! Entity tags: whether a client has a representation already (RFC 9110, sections 8.8.3 and 13.1.2).
//!
//! All tags are weak, because the compressed and the plain form of a response share one.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use sha2::{Digest, Sha256};

/// Bytes of the hash that a tag has.
const HASH_BYTES: usize = 16;

/// The tag of this content.
pub(in crate::http) fn tag_of(content: &[u8]) -> String {
    format!("W/\"{}\"", hex::encode(&Sha256::digest(content)[..HASH_BYTES]))
}

/// The representations that the client of a request has, by `If-None-Match`.
pub(in crate::http) struct KnownTags(Vec<String>);

impl KnownTags {
    pub(in crate::http) fn from_headers(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        // A tag of ours has no comma in it.
        Self(values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect())
    }

    pub(in crate::http) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this tag is among them. Weak and strong tags with the same text are equal.
    pub(in crate::http) fn contain(&self, tag: &str) -> bool {
        self.0.iter().any(|known| known == "*" || opaque(known) == opaque(tag))
    }
}

/// A tag without its mark of weakness.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The response to a client that has the representation already. It has no body.
pub(in crate::http) fn not_modified() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// Sets the tag of a response.
pub(in crate::http) fn set(response: &mut Response, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_lists_weak_or_strong() {
        let tag = tag_of(b"content");
        let strong = tag.trim_start_matches("W/");
        for (value, known) in [
            (tag.clone(), true),
            (strong.to_owned(), true),
            (format!("\"other\", {tag}"), true),
            ("*".to_owned(), true),
            ("\"other\"".to_owned(), false),
            (strong.trim_matches('"').to_owned(), false),
            (String::new(), false),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_str(&value).unwrap())]);
            assert_eq!(KnownTags::from_headers(&headers).contain(&tag), known, "{value}");
        }
        assert!(KnownTags::from_headers(&HeaderMap::new()).is_empty());
    }
}
