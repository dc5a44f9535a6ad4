//! Which origins may call the API, and the security headers of responses.
//!
//! A page of another origin can make a browser send, without a preflight, what HTML forms, images and links can send: a
//! GET, or a POST of form data or plain text, without custom headers. Of these:
//!
//! - a POST is refused (415): operations are JSON, which needs a preflight
//!   ([`crate::http::graphql::negotiate::check_content_type`]);
//! - a mutation by GET or HEAD is always refused (405);
//! - a query or subscription by GET or HEAD is refused (403) when the browser marks it as caused by another site, unless that
//!   is an allowed origin, which may also read the response ([`check_cross_site`]);
//! - a WebSocket can only be opened by pages of the server's own and the allowed origins.
//!
//! Everything else needs a preflight, which only the allowed origins pass. Clients need not send a header such as
//! `GraphQL-Preflight` or `Apollo-Require-Preflight`, and sending one permits nothing more.
//!
//! Decision: `docs/decisions/0012-cross-site-requests.md`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{self, ORIGIN},
        request::Parts,
    },
    middleware::Next,
    response::Response,
};
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::{graphql::RATE_LIMIT_HEADERS, http::error::HttpError};

/// The origins whose pages may call the API, besides the server's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    listed: BTreeSet<String>,
    any_localhost: bool,
}

impl AllowedOrigins {
    /// The `listed` origins (`https://shop.example.com`, or `*` for all), and with `any_localhost` every port of
    /// localhost.
    pub fn new(listed: impl IntoIterator<Item = impl AsRef<str>>, any_localhost: bool) -> Self {
        let normalise = |origin: &str| origin.trim().trim_end_matches('/').to_ascii_lowercase();
        let listed = listed.into_iter().map(|origin| normalise(origin.as_ref())).filter(|origin| !origin.is_empty());
        Self { listed: listed.collect(), any_localhost }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let origin = origin.to_ascii_lowercase();
        self.listed.contains("*")
            || self.listed.contains(&origin)
            || (self.any_localhost
                && origin.parse::<Uri>().is_ok_and(|uri| {
                    matches!(uri.scheme_str(), Some("http" | "https"))
                        && matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
                }))
    }

    /// Whether the request's `Origin` may open a WebSocket. Clients other than browsers send no `Origin` and are
    /// allowed.
    pub(in crate::http) fn allow_request(&self, headers: &HeaderMap) -> bool {
        headers.get(ORIGIN).is_none_or(|origin| is_same_origin(headers, origin) || self.allows(origin))
    }
}

/// Refuses requests that a page of another site made a browser send. Browsers report this in `Sec-Fetch-Site`, even
/// where they send no `Origin`: for images, forms and links.
pub(in crate::http) fn check_cross_site(origins: &AllowedOrigins, headers: &HeaderMap) -> Result<(), HttpError> {
    let is_foreign = match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => false,
        Some(_) => !headers.get(ORIGIN).is_some_and(|origin| origins.allows(origin)),
        None => !origins.allow_request(headers),
    };
    if is_foreign {
        let message = "Pages of other sites may not send operations by GET: send them by POST, as application/json, from \
                       an allowed origin.";
        return Err(HttpError::new(StatusCode::FORBIDDEN, "FORBIDDEN", message));
    }
    Ok(())
}

/// Compares hosts but not schemes, because a proxy in front may terminate TLS.
fn is_same_origin(headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let authority = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

/// Middleware that applies the CORS layer to preflights and to requests with an `Origin`: browsers send it with each
/// request whose response CORS governs. An OPTIONS request that is no preflight goes on to the router, which knows the
/// methods of the path; the layer would answer it like a preflight.
pub(in crate::http) async fn apply_cors(State(cors): State<Arc<CorsLayer>>, request: Request, next: Next) -> Response {
    let is_preflight = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS && !is_preflight {
        return next.run(request).await;
    }
    if !is_preflight && !request.headers().contains_key(ORIGIN) {
        let mut response = next.run(request).await;
        response.headers_mut().append(header::VARY, HeaderValue::from_name(ORIGIN));
        return response;
    }
    match cors.layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The CORS layer: answers preflights and lets the allowed origins read responses.
pub(in crate::http) fn cors(origins: &AllowedOrigins) -> CorsLayer {
    let origins = origins.clone();
    let exposed = [HeaderName::from_static("x-request-id"), header::RETRY_AFTER].into_iter().chain(RATE_LIMIT_HEADERS);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _: &Parts| origins.allows(origin)))
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed.collect::<Vec<_>>())
        // Not by what a preflight asks for: responses to OPTIONS are not cached (RFC 9110, section 9.3.7).
        .vary([ORIGIN])
        .max_age(Duration::from_secs(600))
}

/// No page of this server needs these features.
const PERMISSIONS_POLICY: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()");

/// Adds the security headers of every response. JSON and plain text need no others: by `nosniff` a browser runs and
/// renders them as nothing else.
pub(in crate::http) fn add_headers(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Pages of allowed origins still read responses by CORS. Others cannot embed them as images or scripts either.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

/// Adds the headers of the files of a web page, which say what a browser may do with the page.
pub(in crate::http) fn add_page_headers(headers: &mut HeaderMap, content_security_policy: HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, content_security_policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("permissions-policy", PERMISSIONS_POLICY);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &AllowedOrigins, origin: &'static str) -> bool {
        let headers = HeaderMap::from_iter([
            (header::HOST, HeaderValue::from_static("api.example.com:8080")),
            (ORIGIN, HeaderValue::from_static(origin)),
        ]);
        origins.allow_request(&headers)
    }

    #[test]
    fn own_listed_and_local_origins_pass() {
        let (none, listed) =
            (AllowedOrigins::default(), AllowedOrigins::new(["https://Shop.example.com/", " "], false));
        let (local, all) = (AllowedOrigins::new([""; 0], true), AllowedOrigins::new(["*"], false));
        for (origin, by_none, by_listed, by_local) in [
            ("http://api.example.com:8080", true, true, true),
            ("https://api.example.com:8080", true, true, true),
            ("http://api.example.com", false, false, false),
            ("https://shop.example.com", false, true, false),
            ("http://shop.example.com", false, false, false),
            ("http://localhost:5173", false, false, true),
            ("http://127.0.0.1", false, false, true),
            ("http://[::1]:3000", false, false, true),
            ("http://localhost.evil.com", false, false, false),
            ("http://localhost:80@evil.com", false, false, false),
            ("null", false, false, false),
            ("", false, false, false),
        ] {
            assert_eq!(allowed(&none, origin), by_none, "{origin}");
            assert_eq!(allowed(&listed, origin), by_listed, "{origin}");
            assert_eq!(allowed(&local, origin), by_local, "{origin}");
            assert!(allowed(&all, origin), "{origin}");
        }
        assert!(none.allow_request(&HeaderMap::new()));
    }

    #[test]
    fn requests_caused_by_other_sites_are_refused() {
        let origins = AllowedOrigins::new(["https://shop.example.com"], false);
        let (shop, evil) = ("https://shop.example.com", "https://evil.example.com");
        for (site, origin, passes) in [
            (None, None, true),
            (None, Some("https://api.example.com"), true),
            (None, Some(shop), true),
            (None, Some(evil), false),
            (Some("none"), None, true),
            (Some("same-origin"), None, true),
            (Some("same-site"), Some(shop), true),
            (Some("cross-site"), Some(shop), true),
            (Some("same-site"), None, false),
            (Some("cross-site"), None, false),
            (Some("cross-site"), Some(evil), false),
            (Some("cross-site"), Some("null"), false),
            (Some("unheard-of"), None, false),
        ] {
            let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("api.example.com"))]);
            headers
                .extend(site.map(|site| (HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static(site))));
            headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
            assert_eq!(check_cross_site(&origins, &headers).is_ok(), passes, "{site:?} {origin:?}");
        }
    }
}
