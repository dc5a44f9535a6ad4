//! Where the entities come together: the root types, and looking anything up by its id, as
//! Relay's object identification has it.

use async_graphql::{Context, ID, Interface, MergedObject, MergedSubscription, Object};

use super::{api_key, event, job, metadata, order, product, request_context::RequestContext, task, user, webhook};
use crate::{
    domain::AnyId,
    graphql::engine::{
        document::directives::{list_size, list_size_bound},
        error::{ApiError, ApiResult},
        page_size::MAX_PAGE_SIZE,
    },
};

/// Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    NodeQuery,
    user::UserQuery,
    product::ProductQuery,
    order::OrderQuery,
    task::TaskQuery,
    event::EventQuery,
    api_key::ApiKeyQuery,
    webhook::WebhookQuery,
    job::JobQuery,
);

/// Everything that can be changed. Expected failures are told in userErrors, anything else is a GraphQL error.
#[derive(MergedObject, Default)]
pub struct Mutation(
    user::AccountMutation,
    user::TicketMutation,
    user::UserMutation,
    product::ProductMutation,
    order::OrderMutation,
    task::TaskMutation,
    api_key::ApiKeyMutation,
    metadata::MetadataMutation,
    webhook::WebhookMutation,
    job::JobMutation,
);

/// What can be watched.
#[derive(MergedSubscription, Default)]
pub struct Subscription(order::OrderSubscription, task::TaskSubscription, product::StockSubscription);

/// Something with a globally unique id: opaque, type-prefixed and sortable by time of creation.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Globally unique id."))]
pub enum Node {
    /// A user.
    User(user::User),
    /// A product.
    Product(product::Product),
    /// An order.
    Order(order::Order),
    /// A task.
    Task(task::Task),
    /// An API key.
    ApiKey(api_key::ApiKey),
    /// An entry of the event log.
    Event(event::Event),
    /// A webhook.
    Webhook(webhook::Webhook),
    /// A job.
    Job(job::Job),
}

/// Queries by id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything with an id; null when it does not exist for the viewer. A text that is no id at all is null too.
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> ApiResult<Option<Node>> {
        load(context, &id).await
    }

    /// Several things at once, in the order of the ids; null for those that do not exist for the viewer, and for texts
    /// that are no ids at all.
    #[graphql(
        directive = list_size::apply(Some(MAX_PAGE_SIZE), None, None, None),
        directive = list_size_bound::apply(vec!["ids".into()])
    )]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ids, at most 100.")] ids: Vec<ID>,
    ) -> ApiResult<Vec<Option<Node>>> {
        if ids.len() > MAX_PAGE_SIZE as usize {
            return Err(ApiError::bad_input(format!("ids: at most {}", MAX_PAGE_SIZE)));
        }
        futures_util::future::try_join_all(ids.iter().map(|id| load(context, id))).await
    }
}

/// The node with this id. A text that is no id names nothing, so it is answered like the id of nothing: clients treat
/// ids as opaque, and one of them must not take the other nodes with it.
async fn load(context: &Context<'_>, id: &ID) -> ApiResult<Option<Node>> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let request = RequestContext::get(context);
    Ok(match id {
        AnyId::User(id) => {
            let user = request.load(id).await?.filter(|user| request.viewer().sees_user(user.id));
            user.map(|found| Node::User(user::User(found)))
        }
        AnyId::Product(id) => request.load(id).await?.map(|found| Node::Product(product::Product(found))),
        AnyId::Order(id) => request.load(id).await?.map(|found| Node::Order(order::Order(found))),
        AnyId::ApiKey(id) => request.load(id).await?.map(|found| Node::ApiKey(api_key::ApiKey(found))),
        AnyId::Task(id) => request.load(id).await?.map(|found| Node::Task(task::Task(found))),
        AnyId::Event(id) => event::visible(request, id).await?.map(Node::Event),
        AnyId::Webhook(id) => webhook::visible(request, id).await?.map(Node::Webhook),
        AnyId::Job(id) if request.viewer().is_admin() => {
            request.load(id).await?.map(|found| Node::Job(job::Job(found)))
        }
        AnyId::Job(_) => None,
    })
}
