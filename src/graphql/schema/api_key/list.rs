//! Loading API keys, and pages of them.

use std::sync::Arc;

use async_graphql::Context;

use super::types::ApiKey;
use crate::{
    domain::{self, ApiKeySort, Direction, Sort},
    graphql::{
        engine::error::ApiResult,
        schema::{
            connection::{Connection, List, PageArguments},
            loaders::{Count, load_entity, load_list},
            request_context::RequestContext,
        },
    },
    service::ApiKeyQuery,
};

load_entity!(domain::ApiKeyId => domain::ApiKey, api_keys);
load_list!(ApiKeyQuery, () => domain::ApiKey, list_api_keys, count_api_keys);

/// Lists of API keys.
pub struct ApiKeyList;

impl List for ApiKeyList {
    type Row = domain::ApiKey;
    type Node = ApiKey;
    type Sort = ApiKeySort;
    type Filter = ();

    const LETTER: u8 = b'k';

    fn node(row: Arc<domain::ApiKey>) -> ApiKey {
        ApiKey(row)
    }

    async fn count(context: &Context<'_>, filter: ()) -> ApiResult<u64> {
        Ok(RequestContext::get(context).load_always(Count(filter)).await?)
    }
}

/// A page of API keys, newest first.
pub(super) async fn list(context: &Context<'_>, page: PageArguments) -> ApiResult<Connection<ApiKeyList>> {
    let sort = Sort { field: ApiKeySort::CreatedAt, direction: Direction::Desc };
    Connection::load(context, (), sort, (), page).await
}
