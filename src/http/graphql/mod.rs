//! GraphQL over HTTP: single responses to POST and GET, server-sent events and multipart streams.

pub(in crate::http) mod answers;
pub(in crate::http) mod held_body;
mod multipart;
mod negotiate;
pub(in crate::http) mod params;
pub(in crate::http) mod post_get;
mod public_answer;
mod request_body;
mod sse;
mod stream;
mod stream_part;
pub(in crate::http) mod wire;
