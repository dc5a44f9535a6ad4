//! The opening handshake of a WebSocket (RFC 6455, section 4.2).

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version, header, request::Parts},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::derive_accept_key;

use super::protocol::Protocol;

/// A valid handshake request.
pub(in crate::http::websocket) struct Handshake {
    upgrade: OnUpgrade,
    accept: HeaderValue,
    /// The preferred subprotocol among those that the client offers; `None` if it offers no supported one.
    pub(in crate::http::websocket) protocol: Option<Protocol>,
}

/// Whether the request asks for an upgrade to a WebSocket. A server ignores upgrades to other protocols, and all
/// upgrades in requests of HTTP/1.0 (RFC 9110, section 7.8); a WebSocket is opened by GET only.
pub(in crate::http) fn asks_for_websocket<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && request.version() >= Version::HTTP_11
        && names(request.headers(), header::UPGRADE, "websocket")
}

impl Handshake {
    /// Reads the handshake from a request that [asks for a WebSocket](asks_for_websocket). The error says what is wrong with the request.
    pub(in crate::http::websocket) fn read(parts: &mut Parts) -> Result<Self, &'static str> {
        let headers = &parts.headers;
        if !names(headers, header::CONNECTION, "upgrade") {
            return Err("no connection option for the upgrade");
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err("not version 13");
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or("no key")?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| "no valid key")?;
        let offered: Vec<&str> = list(headers, header::SEC_WEBSOCKET_PROTOCOL).collect();
        let protocol = Protocol::ALL.into_iter().find(|protocol| offered.contains(&protocol.name()));
        let upgrade = parts.extensions.remove().ok_or("the connection cannot be upgraded")?;
        Ok(Self { upgrade, accept, protocol })
    }

    /// The response, and the connection that is available once the response was sent.
    pub(in crate::http::websocket) fn accept(self) -> (OnUpgrade, Response) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol.name()));
        }
        (self.upgrade, response)
    }
}

/// Whether a header that is a comma-separated list has this element, in any case.
fn names(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    list(headers, name).any(|listed| listed.eq_ignore_ascii_case(word))
}

/// The elements of a header that is a comma-separated list.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}
