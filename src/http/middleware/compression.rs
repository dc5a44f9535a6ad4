//! Which answers are compressed: gzip, brotli or zstd, as the client prefers.
//!
//! Whole answers of some size. Not streams, of which each part has to leave at once. The files of the UI are compressed
//! beforehand.
//!
//! Compressing secrets together with what an attacker chooses tells of them by the length (BREACH). For that a foreign
//! page would have to make a victim's browser send requests in the victim's name; there are no cookies, tokens are in a
//! header, and what a foreign page can send without a preflight is refused ([`super::security`]). Still, answers to
//! mutations, which carry new tokens, are left alone: they are small, and nothing is to be gained.

use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{And, Predicate, SizeAbove},
    },
};

/// Shorter answers fit into a packet or two, and are left as they are. In bytes.
const LEAST: u16 = 1024;

/// Quick rather than small.
const LEVEL: CompressionLevel = CompressionLevel::Precise(3);

/// Marks an answer that is not to be compressed.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Uncompressed;

type IsEligible = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

pub(in crate::http) fn layer() -> CompressionLayer<And<SizeAbove, IsEligible>> {
    let is_eligible: IsEligible = |_, _, _, extensions| extensions.get::<Uncompressed>().is_none();
    CompressionLayer::new().quality(LEVEL).compress_when(SizeAbove::new(LEAST).and(is_eligible))
}
