//! Serves web pages from files that are gzipped at build time and embedded in the binary.

use std::io::Read;

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use include_dir::{Dir, include_dir};

use super::{
    accept_header::accepts_encoding,
    entity_tag::{self, KnownTags},
    error::HttpError,
    middleware::security,
};

/// GraphiQL.
pub(in crate::http) static GRAPHIQL: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/ui/build");
/// GraphQL Playground.
pub(in crate::http) static PLAYGROUND: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/playground/build");
/// The example shop and its staff board.
pub(in crate::http) static EXAMPLE_APPS: Dir<'static> =
    include_dir!("$CARGO_MANIFEST_DIR/client-examples/react-apollo/build");

/// Allows resources of this server only. Inline styles are allowed because the editors of GraphiQL and GraphQL
/// Playground set styles by script.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Serves one file of a folder.
pub(in crate::http) fn page<S: Clone + Send + Sync + 'static>(
    folder: &'static Dir<'static>,
    path: &'static str,
) -> MethodRouter<S> {
    get(move |headers: HeaderMap| async move { respond(folder, path, &headers).await })
}

/// Serves every file of a folder, by the rest of the request's path.
pub(in crate::http) fn files<S: Clone + Send + Sync + 'static>(folder: &'static Dir<'static>) -> MethodRouter<S> {
    get(move |Path(path): Path<String>, headers: HeaderMap| async move { respond(folder, &path, &headers).await })
}

async fn respond(folder: &'static Dir<'static>, path: &str, headers: &HeaderMap) -> Response {
    let Some(gzipped) = folder.get_file(format!("{path}.gz")).map(|file| file.contents()) else {
        let message = format!("There is no file {path} here.");
        return HttpError::new(StatusCode::NOT_FOUND, "NOT_FOUND", message).into_response();
    };
    let mut response = if path.starts_with("assets/") {
        // The file name contains a hash of the content.
        let mut response = content(gzipped, headers).await;
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
        response
    } else {
        revalidated(gzipped, headers).await
    };
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(path))),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, value);
    }
    security::add_page_headers(response.headers_mut(), CONTENT_SECURITY_POLICY);
    response
}

/// Serves a file whose content can change under the same name: browsers must revalidate it.
async fn revalidated(gzipped: &'static [u8], headers: &HeaderMap) -> Response {
    let tag = entity_tag::tag_of(gzipped);
    let mut response = match KnownTags::from_headers(headers).contain(&tag) {
        true => entity_tag::not_modified(),
        false => content(gzipped, headers).await,
    };
    entity_tag::set(&mut response, &tag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn content(gzipped: &'static [u8], headers: &HeaderMap) -> Response {
    if accepts_encoding(headers, "gzip") {
        return ([(header::CONTENT_ENCODING, "gzip")], gzipped).into_response();
    }
    let plain = tokio::task::spawn_blocking(move || {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(gzipped).read_to_end(&mut plain).map(|_| plain)
    });
    match plain.await {
        Ok(Ok(plain)) => plain.into_response(),
        outcome => {
            tracing::error!(?outcome, "a file of a web page could not be unpacked");
            HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Internal error").into_response()
        }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map" | "webmanifest") => "application/json",
        Some("md" | "txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("ttf") => "font/ttf",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
