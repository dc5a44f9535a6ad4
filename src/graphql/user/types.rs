//! Users and lists of them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};

use crate::{
    domain::{self, Direction, SearchTerms, Sort, UserId, UserSort},
    graphql::{
        connection::{Connection, List, PageArguments, sort_or},
        cursor::ListTag,
        error::{ApiError, ApiResult},
        loaders::{Call, Count},
        order::{self, OrderFilter, OrderList, OrderOrder},
        plain::{Plain, plain_enum, plain_object},
        scalars::DateTime,
        task::{self, TaskFilter, TaskList, TaskOrder},
    },
    service::{self, ServiceError},
};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserRole")]
pub enum UserRole {
    /// Sees and changes what is their own.
    Customer,
    /// Manages products, orders and tasks, reads users.
    Staff,
    /// Manages users and roles too.
    Admin,
}

plain_enum!(UserRole);

/// A person with an account.
pub struct User(pub Arc<domain::User>);

plain_object! {
    /// A person with an account.
    #[Object]
    User as user {
        /// Globally unique id.
        id: ID = ID(user.0.id.to_string());

        /// Display name.
        name: &str = &user.0.name;

        /// What they may do.
        role: UserRole = user.0.role.into();

        /// E-mail address; null unless the viewer is this user or staff.
        async fn email(&self, context: &Context<'_>) -> Option<&str> {
            self.0.email.as_deref().filter(|_| self.is_open(context))
        }

        /// Region, such as a country; null unless the viewer is this user or staff.
        async fn region(&self, context: &Context<'_>) -> Option<&str> {
            self.0.region.as_deref().filter(|_| self.is_open(context))
        }

        /// The orders they placed, as far as the viewer may see them.
        #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
        async fn orders(
            &self,
            context: &Context<'_>,
            #[graphql(
                desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
            )]
            first: Option<i32>,
            #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
            #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
            #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
            #[graphql(desc = "Which orders.")] filter: Option<OrderFilter>,
            #[graphql(desc = "In which order; last placed first when not given.")] order_by: Option<OrderOrder>,
        ) -> ApiResult<Connection<OrderList>> {
            let mut filter = filter.unwrap_or_default().into_domain()?;
            if filter.customer.is_some_and(|customer| customer != self.0.id) {
                return Err(ApiError::bad_input("filter.customerId: this list has the orders of its own user only"));
            }
            filter.customer = Some(self.0.id);
            Box::pin(order::list(context, filter, order_by, PageArguments { first, after, last, before })).await
        }

        /// The tasks they made or are assigned to, as far as the viewer may see them.
        #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
        async fn tasks(
            &self,
            context: &Context<'_>,
            #[graphql(
                desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
            )]
            first: Option<i32>,
            #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
            #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
            #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
            #[graphql(desc = "Which tasks.")] filter: Option<TaskFilter>,
            #[graphql(desc = "In which order; newest first when not given.")] order_by: Option<TaskOrder>,
        ) -> ApiResult<Connection<TaskList>> {
            let mut filter = filter.unwrap_or_default().into_domain()?;
            filter.visible_to = Some(self.0.id);
            Box::pin(task::list(context, filter, order_by, PageArguments { first, after, last, before })).await
        }

        /// Starts at 1 and grows by 1 with each change.
        version: i32 = user.0.version;

        /// When the account was made.
        created_at: DateTime = DateTime(user.0.created_at);

        /// When it was last changed.
        updated_at: DateTime = DateTime(user.0.updated_at);
    }
}

impl User {
    /// Whether the viewer may see more than the name.
    fn is_open(&self, context: &Context<'_>) -> bool {
        Call::of(context).viewer().sees_user(self.0.id)
    }
}

/// A person on an order or task that the viewer sees. Users are never removed, only anonymised.
pub(in crate::graphql) async fn participant(context: &Context<'_>, id: UserId) -> ApiResult<Plain<User>> {
    let user = Call::of(context).load(id).await?;
    user.map(|user| Plain(User(user)))
        .ok_or_else(|| ServiceError::Internal(format!("user {id} is missing").into()).into())
}

/// A user, if the viewer may see them.
pub(in crate::graphql) async fn visible(context: &Context<'_>, id: Option<UserId>) -> ApiResult<Option<Plain<User>>> {
    let call = Call::of(context);
    match id {
        Some(id) if call.viewer().sees_user(id) => Ok(call.load(id).await?.map(|user| Plain(User(user)))),
        _ => Ok(None),
    }
}

/// Which users. All conditions have to hold.
#[derive(InputObject, Default)]
pub struct UserFilter {
    /// Only with all these words in name or e-mail address, whatever their case and order.
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
    direction: crate::graphql::OrderDirection,
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
    type Node = Plain<User>;
    type Sort = UserSort;
    type Filter = domain::UserFilter;

    fn tag(sort: Sort<UserSort>) -> ListTag {
        ListTag { list: b'u', field: sort.field.cursor_tag(), direction: sort.direction }
    }

    fn node(row: Arc<domain::User>) -> Plain<User> {
        Plain(User(row))
    }

    async fn count(context: &Context<'_>, filter: domain::UserFilter) -> ApiResult<u64> {
        Ok(Call::of(context).load(Count(filter)).await?.unwrap_or_default())
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
        search: filter.search.as_deref().and_then(SearchTerms::parse),
        role: filter.role.map(domain::UserRole::from),
    };
    let chosen = order_by.map(|order| Sort { field: order.field.into(), direction: order.direction.into() });
    let sort = sort_or(chosen, UserSort::CreatedAt, Direction::Desc);
    let query = service::UserQuery { filter: filter.clone(), sort, slice: page.slice::<UserList>(sort)?, fields: () };
    let page = Call::of(context).load(query).await?.unwrap_or_default();
    Ok(Connection::new(&page, filter, sort))
}
