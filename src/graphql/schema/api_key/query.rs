//! Reading API keys.

use async_graphql::{Context, Object};

use super::list::{ApiKeyList, list};
use crate::graphql::{
    engine::error::ApiResult,
    schema::connection::{Connection, PageArguments, PageSize},
};

/// Queries of API keys.
#[derive(Default)]
pub struct ApiKeyQuery;

#[Object]
impl ApiKeyQuery {
    /// Admin: the API keys that were not revoked, newest first.
    #[graphql(directive = PageSize::apply())]
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> ApiResult<Connection<ApiKeyList>> {
        list(context, PageArguments { first, after, last, before }).await
    }
}
