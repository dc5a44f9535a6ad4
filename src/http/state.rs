//! The state that the handlers share.

use std::sync::Arc;

use super::{options::HttpOptions, server::KeyedLimiter};
use crate::graphql::Endpoint;

/// The state that the handlers share.
pub(in crate::http) struct HttpState {
    pub(in crate::http) endpoint: Arc<dyn Endpoint>,
    pub(in crate::http) options: HttpOptions,
    pub(in crate::http) user_connections: Arc<KeyedLimiter>,
}
