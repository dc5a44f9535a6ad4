//! The request id, which connects log lines, responses and errors of one request.

use std::{fmt, sync::Arc};

use axum::http::{HeaderMap, HeaderName};

/// The header that has the request id, in requests and responses.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Identifies a request in the log.
#[derive(Debug, Clone)]
pub(in crate::http) struct RequestId(Arc<str>);

impl RequestId {
    /// The id that the client sent, if it is short and made of plain characters; otherwise a new one.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let is_plain = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(is_plain) {
            Some(id) => Self(id.into()),
            None => Self::new(),
        }
    }

    fn new() -> Self {
        let mut buffer = [0; ulid::ULID_LEN];
        let id = ulid::Ulid::new().array_to_str(&mut buffer);
        id.make_ascii_lowercase();
        Self(Arc::from(&*id))
    }

    /// The id of an operation within this request.
    pub(in crate::http) fn child(&self, number: u64) -> Self {
        Self(format!("{self}-{number}").into())
    }

    pub(in crate::http) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
