//! Loading users, and lists of them: filter, sorting, pages.

use std::sync::Arc;

use async_graphql::{Context, Enum, InputObject};

use super::types::{User, UserRole};
use crate::{
    domain::{self, Direction, Sort, UserSort},
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            connection::{Connection, List, PageArguments, sort_or},
            loaders::{Count, load_entity, load_list},
            request_context::RequestContext,
            search::search_terms,
            sort::OrderDirection,
        },
    },
    service::UserQuery,
};

load_entity!(domain::UserId => domain::User, participants);
load_list!(UserQuery, domain::UserFilter => domain::User, list_users, count_users);

/// Which users. All conditions have to hold.
#[derive(InputObject, Default)]
pub struct UserFilter {
    /// Only with all these words in name or e-mail address, whatever their case, accents and order. A blank text is no
    /// condition, and one without a letter or digit finds nothing. At most 16 words.
    #[graphql(directive = cost::apply("10".into()))]
    search: Option<String>,
    /// Only with this role.
    role: Option<UserRole>,
}

/// How users are sorted.
#[derive(InputObject)]
pub struct UserOrder {
    /// By what.
    field: UserOrderField,
    /// Which way.
    direction: OrderDirection,
}

/// What users can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserSort")]
pub enum UserOrderField {
    /// When the account was made.
    CreatedAt,
    /// The name, upper and lower case alike.
    Name,
}

/// Lists of users.
pub struct UserList;

impl List for UserList {
    type Row = domain::User;
    type Node = User;
    type Sort = UserSort;
    type Filter = domain::UserFilter;

    const LETTER: u8 = b'u';

    fn node(row: Arc<domain::User>) -> User {
        User(row)
    }

    async fn count(context: &Context<'_>, filter: domain::UserFilter) -> ApiResult<u64> {
        Ok(RequestContext::get(context).load_always(Count(filter)).await?)
    }
}

/// A page of users.
pub(super) async fn list(
    context: &Context<'_>,
    filter: Option<UserFilter>,
    order_by: Option<UserOrder>,
    page: PageArguments,
) -> ApiResult<Connection<UserList>> {
    let filter = filter.unwrap_or_default();
    let filter = domain::UserFilter {
        search: search_terms(filter.search.as_deref())?,
        role: filter.role.map(domain::UserRole::from),
    };
    let chosen = order_by.map(|order| Sort { field: order.field.into(), direction: order.direction.into() });
    let sort = sort_or(chosen, UserSort::CreatedAt, Direction::Desc);
    Connection::load(context, filter, sort, (), page).await
}
