//! Reads a request body within limits of size and time.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
};
use futures_util::StreamExt;

use crate::http::error::HttpError;

/// How much of a too large body is read and discarded, in bytes, so that the client finishes sending and gets the
/// response instead of a connection reset.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

/// Reads the whole body.
///
/// Fails with 413 past `limit` bytes, 408 past `timeout` and 400 when the client stops in the middle.
pub(in crate::http) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<u8>, HttpError> {
    let announced: Option<usize> =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length| length > limit) && headers.contains_key(header::EXPECT) {
        return Err(too_large(limit));
    }
    let read = collect(body, limit, announced.unwrap_or(0));
    tokio::time::timeout(timeout, read).await.unwrap_or_else(|_| {
        let message = format!("The body took longer than {timeout:?} to arrive.");
        Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, "BAD_USER_INPUT", message))
    })
}

async fn collect(body: Body, limit: usize, announced: usize) -> Result<Vec<u8>, HttpError> {
    // The announced length may be wrong, so it is not allocated in full.
    let mut bytes = Vec::with_capacity(announced.min(limit).min(64 * 1024));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk.map_err(|_| HttpError::bad_request("The body ended early."))?;
        if chunk.len() > limit - bytes.len() {
            let mut discarded = bytes.len();
            while let Some(Ok(chunk)) = chunks.next().await {
                discarded += chunk.len();
                if discarded > MAX_DISCARDED {
                    break;
                }
            }
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large(limit: usize) -> HttpError {
    let message = format!("The body is larger than {limit} bytes.");
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "BAD_USER_INPUT", message)
}
