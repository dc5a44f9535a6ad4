//! Compresses single responses above a size, with gzip, brotli or zstd as the client prefers.
//!
//! Streams are not compressed, because each part must be sent at once. The files of the UI are compressed at build
//! time.
//!
//! When a compressed response contains both a secret and text that an attacker chose, its length reveals the secret
//! (BREACH). That attack needs a foreign page whose requests carry the victim's credentials. Here tokens are in a
//! header, there are no cookies, and what a foreign page can send without a preflight is refused ([`super::security`]).
//! Responses to mutations are left uncompressed all the same: they can contain new tokens, and they are small.

use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{And, Predicate, SizeAbove},
    },
};

/// Responses of up to this many bytes fit into a packet or two and are not compressed.
const MIN_SIZE: u16 = 1024;

/// Favours speed over size.
const LEVEL: CompressionLevel = CompressionLevel::Precise(3);

/// Response extension: do not compress this response.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Uncompressed;

type IsEligible = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

pub(in crate::http) fn layer() -> CompressionLayer<And<SizeAbove, IsEligible>> {
    let is_eligible: IsEligible = |_, _, _, extensions| extensions.get::<Uncompressed>().is_none();
    CompressionLayer::new().quality(LEVEL).compress_when(SizeAbove::new(MIN_SIZE).and(is_eligible))
}
