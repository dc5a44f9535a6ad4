//! Relay connections (<https://relay.dev/graphql/connections.htm>): arguments, cursors, pages and counts.

use std::{borrow::Cow, hash::Hash, sync::Arc};

use async_graphql::{
    Context, Object, OutputType, TypeDirective, TypeName,
    dataloader::Loader,
    registry::{MetaDirectiveInvocation, Registry, location_traits::Directive_At_FIELD_DEFINITION},
};

use super::{
    cursor::{self, ListTag},
    loaders::Batch,
    request_context::RequestContext,
};
use crate::{
    domain::{Direction, Edge as Row, ListQuery, Page, Position, Slice, Sort, SortField, Take},
    graphql::engine::{
        document::{
            cache_control,
            directives::{cost, list_size},
        },
        error::{ApiError, ApiResult},
        json::{
            DirectJson, Metered, json_object,
            plan::{JsonField, JsonObject, WriteJson},
        },
        page_size::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE},
    },
    service::ServiceError,
};

/// The directive of a field that returns a connection: `@listSize` for a page.
pub(crate) struct PageSize;

impl PageSize {
    pub fn apply() -> MetaDirectiveInvocation {
        let names = |names: [&str; 2]| Some(names.map(str::to_owned).to_vec());
        let size = i32::try_from(DEFAULT_PAGE_SIZE).ok();
        list_size::apply(size, names(["first", "last"]), names(["edges", "nodes"]), Some(false))
    }
}

impl TypeDirective for PageSize {
    fn name(&self) -> Cow<'static, str> {
        list_size.name()
    }

    fn register(&self, registry: &mut Registry) {
        list_size.register(registry);
    }
}

impl Directive_At_FIELD_DEFINITION for PageSize {}

/// The paging arguments of a list field, before they are checked.
pub(crate) struct PageArguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl PageArguments {
    /// The part of a list, sorted like this, that is asked for.
    pub fn slice<L: List>(&self, sort: Sort<L::Sort>) -> ApiResult<Slice> {
        let take = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_input("first and last can't be combined; give one of them"));
            }
            (Some(first), None) => Take::First(size("first", first)?),
            (None, Some(last)) => Take::Last(size("last", last)?),
            (None, None) => Take::First(DEFAULT_PAGE_SIZE),
        };
        let position = |name: &str, text: &Option<String>| -> ApiResult<Option<Position>> {
            let Some(text) = text else { return Ok(None) };
            let position = cursor::decode(L::tag(sort), name, text)?;
            if !sort.field.has_key(&position.key) {
                return Err(cursor::mangled(name));
            }
            Ok(Some(position))
        };
        Ok(Slice { after: position("after", &self.after)?, before: position("before", &self.before)?, take })
    }
}

/// A checked page size.
pub(crate) fn size(name: &str, value: i32) -> ApiResult<u32> {
    match u32::try_from(value) {
        Ok(size) if value <= MAX_PAGE_SIZE => Ok(size),
        Ok(_) => Err(ApiError::bad_input(format!("{name}: at most {MAX_PAGE_SIZE} at a time; page with a cursor"))),
        Err(_) => Err(ApiError::bad_input(format!("{name}: must not be negative"))),
    }
}

/// A kind of list: its rows, its types and its filter.
pub(crate) trait List: Send + Sync + 'static {
    /// The entity in it.
    type Row: Send + Sync + 'static;
    /// Its GraphQL type.
    type Node: OutputType + WriteJson + 'static;
    /// What it can be sorted by.
    type Sort: SortField;
    /// What narrows it.
    type Filter: Clone + Send + Sync + 'static;

    /// The letter of this kind of list in cursors. It never changes, because clients keep cursors.
    const LETTER: u8;

    /// The tag by which the cursors of different lists and sortings differ.
    fn tag(sort: Sort<Self::Sort>) -> ListTag {
        ListTag { list: Self::LETTER, field: sort.field.cursor_tag(), direction: sort.direction }
    }
    /// The GraphQL object of an entity.
    fn node(row: Arc<Self::Row>) -> Self::Node;
    /// How many entities the filter lets through.
    fn count(context: &Context<'_>, filter: Self::Filter) -> impl Future<Output = ApiResult<u64>> + Send;
}

/// A page of a list.
pub struct Connection<L: List> {
    page: Arc<Page<Arc<L::Row>>>,
    tag: ListTag,
    filter: L::Filter,
}

impl<L: List> Connection<L> {
    /// Loads the page that `page` asks for, with the costly `fields` of its rows.
    pub(crate) async fn load<P>(
        context: &Context<'_>,
        filter: L::Filter,
        sort: Sort<L::Sort>,
        fields: P,
        page: PageArguments,
    ) -> ApiResult<Self>
    where
        ListQuery<L::Filter, L::Sort, P>: Clone + Eq + Hash + Send + Sync + 'static,
        Batch: Loader<ListQuery<L::Filter, L::Sort, P>, Value = Arc<Page<Arc<L::Row>>>, Error = Arc<ServiceError>>,
    {
        let query = ListQuery { filter: filter.clone(), sort, slice: page.slice::<L>(sort)?, fields };
        let page = RequestContext::get(context).load_always(query).await?;
        Ok(Self { page, tag: L::tag(sort), filter })
    }
}

/// Where a page stands in its list.
pub struct PageInfo {
    /// Whether the list goes on after the page.
    pub has_next: bool,
    /// Whether the list has entries before the page.
    pub has_previous: bool,
    /// The cursor of the first edge.
    pub start: Option<String>,
    /// The cursor of the last edge.
    pub end: Option<String>,
}

json_object! {
    /// Where a page stands in its list.
    #[Object(serial, directive = cost::apply("0".into()), directive = cache_control::apply(None, Some(true)))]
    PageInfo as page {
        /// Whether the list goes on after this page.
        has_next_page: bool = page.has_next;
        /// Whether the list has entries before this page.
        has_previous_page: bool = page.has_previous;
        /// Cursor of the first edge; null on an empty page.
        start_cursor: Option<&str> = page.start.as_deref();
        /// Cursor of the last edge; null on an empty page.
        end_cursor: Option<&str> = page.end.as_deref();
    }
}

impl<L: List> TypeName for Connection<L> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", <L::Node as OutputType>::type_name()).into()
    }
}

/// A page of a list, as Relay's cursor connections have it.
#[Object(name_type, directive = cache_control::apply(None, Some(true)))]
impl<L: List> Connection<L> {
    /// The entries with their cursors.
    async fn edges(&self) -> DirectJson<Vec<Edge<L>>> {
        let edge = |index| Edge { page: self.page.clone(), index, tag: self.tag };
        DirectJson((0..self.page.edges.len()).map(edge).collect())
    }

    /// The entries alone.
    async fn nodes(&self) -> DirectJson<Vec<L::Node>> {
        DirectJson(self.page.edges.iter().map(|row| L::node(row.node.clone())).collect())
    }

    /// Where this page stands in the list.
    async fn page_info(&self) -> DirectJson<PageInfo> {
        let Page { edges, has_next, has_previous } = &*self.page;
        let cursor = |row: &Row<_>| cursor::encode(self.tag, &row.position);
        DirectJson(PageInfo {
            has_next: *has_next,
            has_previous: *has_previous,
            start: edges.first().map(cursor),
            end: edges.last().map(cursor),
        })
    }

    /// How many entries the whole list has. Counted only when it is selected.
    #[graphql(directive = cost::apply("10".into()))]
    async fn total_count(&self, context: &Context<'_>) -> ApiResult<Metered<u64>> {
        L::count(context, self.filter.clone()).await.map(Metered)
    }
}

/// An entry of a list with its cursor.
pub struct Edge<L: List> {
    page: Arc<Page<Arc<L::Row>>>,
    index: usize,
    tag: ListTag,
}

impl<L: List> Edge<L> {
    fn row(&self) -> &Row<Arc<L::Row>> {
        // Invariant: a connection makes edges with an index into its own page.
        &self.page.edges[self.index]
    }

    fn encode_cursor(&self) -> String {
        cursor::encode(self.tag, &self.row().position)
    }

    fn row_node(&self) -> L::Node {
        L::node(self.row().node.clone())
    }
}

impl<L: List> TypeName for Edge<L> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", <L::Node as OutputType>::type_name()).into()
    }
}

/// An entry of a list with its cursor.
#[Object(
    name_type,
    directive = cost::apply("0".into()),
    directive = cache_control::apply(None, Some(true))
)]
impl<L: List> Edge<L> {
    /// Opaque position of the entry, for `after` and `before`.
    async fn cursor(&self) -> Metered<String> {
        Metered(self.encode_cursor())
    }

    /// The entry.
    async fn node(&self) -> DirectJson<L::Node> {
        DirectJson(self.row_node())
    }
}

impl<L: List> JsonObject for Edge<L> {
    const FIELDS: &'static [JsonField<Self>] = &[
        JsonField {
            name: "cursor",
            plan: <String as WriteJson>::plan,
            write: |edge, plan, json| edge.encode_cursor().write(plan, json),
        },
        JsonField {
            name: "node",
            plan: <L::Node as WriteJson>::plan,
            write: |edge, plan, json| edge.row_node().write(plan, json),
        },
    ];
}

/// Whether `field` is selected on the nodes of the connection that `context` resolves.
pub(crate) fn node_field_selected(context: &Context<'_>, field: &str) -> bool {
    let connection = context.look_ahead();
    connection.field("nodes").field(field).exists() || connection.field("edges").field("node").field(field).exists()
}

/// The sorting of an `orderBy` argument, else `default`.
pub(crate) fn sort_or<F>(chosen: Option<Sort<F>>, field: F, direction: Direction) -> Sort<F> {
    chosen.unwrap_or(Sort { field, direction })
}
