//! What the four kinds of lists have in common, and the expected list, computed in memory.

use std::{cmp::Ordering, fmt::Debug};

use orderwire::{domain::*, storage::Store};

use super::{data_set::DataSet, engine::Db};

/// An entity that lists hold.
pub trait Listed: Clone + PartialEq + Debug + 'static {
    type Filter: Clone + PartialEq + Debug + Default;
    type Sort: Copy + PartialEq + Debug;
    type Fields: Copy + PartialEq + Debug;

    /// Every field to sort by without a search.
    const SORTS: &[Self::Sort];
    /// Reads every field of a row.
    const WHOLE: Self::Fields;

    /// The rows of the data set that lists hold.
    fn rows(data: &DataSet) -> &[Self];
    /// Filters with each condition alone, and with some together.
    fn filters(data: &DataSet) -> Vec<Self::Filter>;
    /// Whether the row passes the filter.
    fn passes(&self, filter: &Self::Filter) -> bool;
    /// The row's position in a list sorted by the field.
    fn position(&self, sort: Self::Sort) -> Position;
    /// Asks the store for pages.
    async fn list(store: &dyn Store, queries: &[Query<Self>]) -> Vec<Page<Self>>;
    /// Asks the store for counts.
    async fn count(store: &dyn Store, filters: &[Self::Filter]) -> Vec<u64>;
}

/// A list query over `T`.
pub type Query<T> = ListQuery<<T as Listed>::Filter, <T as Listed>::Sort, <T as Listed>::Fields>;

/// Both directions of a list.
pub const DIRECTIONS: [Direction; 2] = [Direction::Asc, Direction::Desc];

/// A query for whole rows.
pub fn query<T: Listed>(filter: &T::Filter, sort: Sort<T::Sort>, slice: Slice) -> Query<T> {
    ListQuery { filter: filter.clone(), sort, slice, fields: T::WHOLE }
}

/// The answer to one query.
pub async fn one<T: Listed>(db: &Db, query: Query<T>) -> Page<T> {
    let mut pages = T::list(db.store(), &[query]).await;
    assert_eq!(pages.len(), 1, "one page for one query");
    pages.remove(0)
}

/// One page of whole rows.
pub async fn page<T: Listed>(db: &Db, filter: &T::Filter, sort: Sort<T::Sort>, slice: Slice) -> Page<T> {
    one::<T>(db, query::<T>(filter, sort, slice)).await
}

/// Every sort field in both directions.
pub fn sorts<T: Listed>() -> impl Iterator<Item = Sort<T::Sort>> {
    T::SORTS.iter().flat_map(|field| DIRECTIONS.map(|direction| Sort { field: *field, direction }))
}

/// The whole list that is expected.
pub fn expected<T: Listed>(rows: &[T], filter: &T::Filter, sort: Sort<T::Sort>) -> Vec<Edge<T>> {
    let mut edges: Vec<Edge<T>> = rows
        .iter()
        .filter(|row| row.passes(filter))
        .map(|row| Edge { position: row.position(sort.field), node: row.clone() })
        .collect();
    edges.sort_by(|a, b| compare(&a.position, &b.position, sort.direction));
    edges
}

/// The page of a list that is expected for a slice.
pub fn expected_page<T: Clone>(all: &[Edge<T>], slice: &Slice, direction: Direction) -> Page<T> {
    let begin = slice
        .after
        .as_ref()
        .map_or(0, |after| all.partition_point(|edge| compare(&edge.position, after, direction) != Ordering::Greater));
    let end = slice.before.as_ref().map_or(all.len(), |before| {
        all.partition_point(|edge| compare(&edge.position, before, direction) == Ordering::Less)
    });
    let range = begin..end.max(begin);
    let taken = match slice.take {
        Take::First(count) => range.start..range.end.min(range.start + count as usize),
        Take::Last(count) => range.end.saturating_sub(count as usize).max(range.start)..range.end,
    };
    let (has_previous, has_next) =
        if taken.is_empty() { (begin > 0, end < all.len()) } else { (taken.start > 0, taken.end < all.len()) };
    Page { edges: all[taken].to_vec(), has_previous, has_next }
}

/// The order of a list: by key, then by id, both in the list's direction.
pub fn compare(a: &Position, b: &Position, direction: Direction) -> Ordering {
    let keys = match (&a.key, &b.key) {
        (SortKey::Int(a), SortKey::Int(b)) => a.cmp(b),
        (SortKey::Text(a), SortKey::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (SortKey::Score(a), SortKey::Score(b)) => f64::from_bits(*a).total_cmp(&f64::from_bits(*b)),
        mixed => panic!("a list has keys of one kind, not {mixed:?}"),
    };
    let ascending = keys.then(a.id.cmp(&b.id));
    if direction == Direction::Asc { ascending } else { ascending.reverse() }
}

/// Whether every word of the search occurs in the texts.
pub fn finds(search: &SearchTerms, texts: &[&str]) -> bool {
    let words: Vec<String> =
        texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).map(folded).collect();
    search.terms().iter().all(|term| words.contains(&folded(term)))
}

/// The word in lower case and without accents, as far as the data set has any.
fn folded(word: &str) -> String {
    let plain = |c| match c {
        'é' | 'è' => 'e',
        'ä' | 'å' => 'a',
        'ü' => 'u',
        other => other,
    };
    word.to_lowercase().chars().map(plain).collect()
}

impl Listed for User {
    type Filter = UserFilter;
    type Sort = UserSort;
    type Fields = ();
    const SORTS: &[UserSort] = &[UserSort::CreatedAt, UserSort::Name];
    const WHOLE: () = ();

    fn rows(data: &DataSet) -> &[Self] {
        &data.users
    }

    fn filters(_: &DataSet) -> Vec<UserFilter> {
        super::filters::of_users()
    }

    fn passes(&self, filter: &UserFilter) -> bool {
        let texts = [self.name.as_str(), self.email.as_deref().unwrap_or_default()];
        filter.role.is_none_or(|role| self.role == role)
            && filter.search.as_ref().is_none_or(|search| finds(search, &texts))
    }

    fn position(&self, sort: UserSort) -> Position {
        sort.position(self)
    }

    async fn list(store: &dyn Store, queries: &[Query<Self>]) -> Vec<Page<Self>> {
        store.list_users(queries).await.unwrap()
    }

    async fn count(store: &dyn Store, filters: &[UserFilter]) -> Vec<u64> {
        store.count_users(filters).await.unwrap()
    }
}

impl Listed for Product {
    type Filter = ProductFilter;
    type Sort = ProductSort;
    type Fields = ProductFields;
    const SORTS: &[ProductSort] = &[ProductSort::CreatedAt, ProductSort::Name, ProductSort::Price, ProductSort::Stock];
    const WHOLE: ProductFields = ProductFields::ALL;

    fn rows(data: &DataSet) -> &[Self] {
        &data.products
    }

    fn filters(data: &DataSet) -> Vec<ProductFilter> {
        super::filters::of_products(data)
    }

    fn passes(&self, filter: &ProductFilter) -> bool {
        let texts = [self.name.as_str(), self.sku.as_str(), self.description.as_deref().unwrap_or_default()];
        filter.search.as_ref().is_none_or(|search| finds(search, &texts))
            && filter.ids.as_ref().is_none_or(|ids| ids.contains(&self.id))
            && filter.skus.as_ref().is_none_or(|skus| skus.contains(&self.sku))
            && filter.tag.as_ref().is_none_or(|tag| self.tags.contains(tag))
            && filter.status.is_none_or(|status| self.status == status)
            && filter.in_stock.is_none_or(|in_stock| (self.stock > 0) == in_stock)
            && filter.min_price.is_none_or(|price| self.price >= price)
            && filter.max_price.is_none_or(|price| self.price <= price)
    }

    fn position(&self, sort: ProductSort) -> Position {
        sort.position(self, 0.0)
    }

    async fn list(store: &dyn Store, queries: &[Query<Self>]) -> Vec<Page<Self>> {
        store.list_products(queries).await.unwrap()
    }

    async fn count(store: &dyn Store, filters: &[ProductFilter]) -> Vec<u64> {
        store.count_products(filters).await.unwrap()
    }
}

impl Listed for Order {
    type Filter = OrderFilter;
    type Sort = OrderSort;
    type Fields = OrderFields;
    const SORTS: &[OrderSort] = &[OrderSort::PlacedAt, OrderSort::Total];
    const WHOLE: OrderFields = OrderFields::ALL;

    fn rows(data: &DataSet) -> &[Self] {
        &data.orders
    }

    fn filters(data: &DataSet) -> Vec<OrderFilter> {
        super::filters::of_orders(data)
    }

    fn passes(&self, filter: &OrderFilter) -> bool {
        filter.customer.is_none_or(|customer| self.customer == customer)
            && filter.statuses.as_ref().is_none_or(|statuses| statuses.contains(&self.status))
            && filter.region.as_ref().is_none_or(|region| self.region == *region)
            && filter.placed_after.is_none_or(|time| self.placed_at >= time)
            && filter.placed_before.is_none_or(|time| self.placed_at < time)
            && filter.product.is_none_or(|product| self.items.iter().any(|item| item.product == product))
    }

    fn position(&self, sort: OrderSort) -> Position {
        sort.position(self)
    }

    async fn list(store: &dyn Store, queries: &[Query<Self>]) -> Vec<Page<Self>> {
        store.list_orders(queries).await.unwrap()
    }

    async fn count(store: &dyn Store, filters: &[OrderFilter]) -> Vec<u64> {
        store.count_orders(filters).await.unwrap()
    }
}

impl Listed for Task {
    type Filter = TaskFilter;
    type Sort = TaskSort;
    type Fields = TaskFields;
    const SORTS: &[TaskSort] = &[TaskSort::CreatedAt, TaskSort::DueAt, TaskSort::Priority];
    const WHOLE: TaskFields = TaskFields::ALL;

    fn rows(data: &DataSet) -> &[Self] {
        &data.tasks
    }

    fn filters(data: &DataSet) -> Vec<TaskFilter> {
        super::filters::of_tasks(data)
    }

    fn passes(&self, filter: &TaskFilter) -> bool {
        let texts = [self.title.as_str(), self.description.as_deref().unwrap_or_default()];
        filter.visible_to.is_none_or(|user| self.created_by == user || self.assignee == Some(user))
            && filter.statuses.as_ref().is_none_or(|statuses| statuses.contains(&self.status))
            && filter.priorities.as_ref().is_none_or(|priorities| priorities.contains(&self.priority))
            && filter.assignee.is_none_or(|user| self.assignee == Some(user))
            && filter.created_by.is_none_or(|user| self.created_by == user)
            && filter.order.is_none_or(|order| self.order == Some(order))
            && filter.due_before.is_none_or(|time| self.due_at.is_some_and(|due| due < time))
            && filter.search.as_ref().is_none_or(|search| finds(search, &texts))
    }

    fn position(&self, sort: TaskSort) -> Position {
        sort.position(self)
    }

    async fn list(store: &dyn Store, queries: &[Query<Self>]) -> Vec<Page<Self>> {
        store.list_tasks(queries).await.unwrap()
    }

    async fn count(store: &dyn Store, filters: &[TaskFilter]) -> Vec<u64> {
        store.count_tasks(filters).await.unwrap()
    }
}
