//! Layers around the handlers: request id and log span, client address, rate limit, limits, security headers.

pub(in crate::http) mod client_address;
pub(in crate::http) mod compression;
pub(in crate::http) mod observe;
pub(in crate::http) mod panics;
pub(in crate::http) mod rate_limit;
pub(in crate::http) mod request_head;
pub(in crate::http) mod request_id;
pub(in crate::http) mod security;
pub(in crate::http) mod time_limit;
