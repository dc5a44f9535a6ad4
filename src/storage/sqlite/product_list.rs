//! Lists of products as SQL.

use std::sync::LazyLock;

use super::{
    list::{Cursors, KeyType, ListBuilder, ListOrder},
    metadata::{self, WithMetadata},
    words::{product_query, unmarked},
};
use crate::{
    domain::{OrderStatus, ProductFilter, ProductSort, ProductStatus, SearchTerms, Slice, Sort},
    storage::{Result, StoreError},
};

fn order(filter: &ProductFilter, sort: Sort<ProductSort>) -> Result<ListOrder> {
    let Sort { field, direction } = sort;
    if walks_tag(filter) {
        let (key, key_type) = match field {
            ProductSort::CreatedAt => ("t.created_at", KeyType::Int),
            ProductSort::Name => ("t.name_key", KeyType::Text),
            ProductSort::Price => ("t.price", KeyType::Int),
            ProductSort::Stock => ("t.stock", KeyType::Int),
            ProductSort::Relevance => return Err(relevance_without_search()),
        };
        return Ok(ListOrder { key, key_type, id: "t.product_id", direction });
    }
    let (key, key_type) = match field {
        ProductSort::CreatedAt => ("p.created_at", KeyType::Int),
        ProductSort::Name => ("p.name_key", KeyType::Text),
        ProductSort::Price => ("p.price", KeyType::Int),
        ProductSort::Stock => ("p.stock", KeyType::Int),
        ProductSort::Relevance if filter.search.is_some() => ("hits.score", KeyType::Score),
        ProductSort::Relevance => return Err(relevance_without_search()),
    };
    Ok(ListOrder { key, key_type, id: "p.id", direction })
}

fn relevance_without_search() -> StoreError {
    StoreError::internal("a list without a search can't be sorted by relevance")
}

/// Whether the list is read from the products of its tag, because no condition finds fewer products.
fn walks_tag(filter: &ProductFilter) -> bool {
    filter.tag.is_some()
        && filter.search.is_none()
        && filter.metadata.is_none()
        && filter.ids.is_none()
        && filter.skus.is_none()
}

/// The list of the products that pass `filter`.
pub(super) fn filtered(filter: &ProductFilter, sort: Sort<ProductSort>, slice: Option<&Slice>) -> Result<ListBuilder> {
    let cursors = slice.map_or_else(Cursors::default, |slice| Cursors::for_slice(slice, sort.direction));
    let order = order(filter, sort)?;
    let mut list = ListBuilder::new("products p", order, cursors);
    if let Some(search) = &filter.search {
        let words = list.bind(product_query(search, filter.status));
        // Only a list by relevance needs scores.
        let hits = match sort.field {
            ProductSort::Relevance => format!(
                "SELECT row, hits + hits * 1.0 / max(1, title_length) AS score \
                 FROM (SELECT w.row AS row, w.title_length AS title_length, {} AS hits FROM products_fts f \
                       CROSS JOIN product_words w ON w.row = f.rowid WHERE f.products_fts MATCH {words})",
                title_hits(&mut list, search)
            ),
            _ => format!("SELECT rowid AS row FROM products_fts WHERE products_fts MATCH {words}"),
        };
        list.start_from_hits("hits CROSS JOIN products p ON p.row = hits.row", &hits);
    }
    if let Some(metadata) = &filter.metadata {
        metadata::filter(&mut list, WithMetadata::Products, metadata);
    }
    if let Some(ids) = &filter.ids {
        let ids = list.bind_all(ids.iter().copied());
        add_membership(&mut list, "p.id", &ids);
    }
    if let Some(skus) = &filter.skus {
        let skus = list.bind_all(skus.iter().cloned());
        add_membership(&mut list, "p.sku", &skus);
    }
    if let Some(tag) = &filter.tag {
        let tag = list.bind(tag.clone());
        if walks_tag(filter) {
            list.read_from("product_tags t CROSS JOIN products p ON p.id = t.product_id");
            list.filter_by(format!("t.tag = {tag}"));
        } else {
            list.filter_by(format!(
                "EXISTS (SELECT 1 FROM product_tags t WHERE t.product_id = p.id AND t.tag = {tag})"
            ));
        }
    }
    add_status_and_stock(&mut list, filter, order);
    let price = if order.key == "t.price" { "t.price" } else { "p.price" };
    if let Some(least) = filter.min_price {
        list.range(price, ">=", least);
    }
    if let Some(most) = filter.max_price {
        list.range(price, "<=", most);
    }
    Ok(list)
}

/// How many of the terms are words of the title, as an expression. The title holds its words with a space between them.
fn title_hits(list: &mut ListBuilder, search: &SearchTerms) -> String {
    let title = unmarked("w.title");
    let is_in =
        |term: &String| format!("(instr(' ' || {title} || ' ', ' ' || {} || ' ') > 0)", list.bind(term.clone()));
    let hits: Vec<String> = search.terms().iter().map(is_in).collect();
    if hits.is_empty() { "0".to_owned() } else { hits.join(" + ") }
}

/// Adds the conditions on status and stock. The indexes of labels and of stock begin with the status, so that products that
/// are not on sale cost customers nothing; without a condition on the status, the lists of each status are merged.
fn add_status_and_stock(list: &mut ListBuilder, filter: &ProductFilter, order: ListOrder) {
    let by_stock = matches!(order.key, "p.stock" | "t.stock");
    let has_index = list.has_index();
    if walks_tag(filter) {
        index_by_status(list, "t.status", filter.status);
    } else if !has_index && filter.in_stock.is_some() && !by_stock {
        index_by_status(list, "p.status", filter.status);
    } else if let Some(status) = filter.status {
        list.equals("p.status", status);
    }
    match filter.in_stock {
        Some(true) if by_stock => list.range(order.key, ">", 0_i64),
        Some(false) if by_stock => list.range(order.key, "<=", 0_i64),
        Some(in_stock) => {
            let in_stock = list.bind(i64::from(in_stock));
            let follows_status = !has_index && !walks_tag(filter);
            list.filter_by(format!("{}p.in_stock = {in_stock}", if follows_status { "" } else { "+" }));
        }
        None => {}
    }
}

fn index_by_status(list: &mut ListBuilder, column: &str, status: Option<ProductStatus>) {
    let statuses = status.map_or_else(|| ProductStatus::ALL.to_vec(), |status| vec![status]);
    let alternatives = statuses.into_iter().map(|status| format!("{column} = {}", list.bind(status))).collect();
    list.index_by_any(alternatives);
}

fn add_membership(list: &mut ListBuilder, column: &str, values: &str) {
    if list.has_index() {
        list.filter_by(format!("+{column} IN ({values})"));
    } else {
        list.index_by(format!("{column} IN ({values})"));
    }
}

/// Sums up the lines of the orders of the period, found by when they were placed.
pub(super) static SALES: LazyLock<String> = LazyLock::new(|| {
    let unsold =
        quoted(OrderStatus::ALL.into_iter().filter(|status| !status.counts_as_sold()).map(OrderStatus::as_str));
    format!(
        "SELECT i.product_id AS id, sum(i.quantity) AS units \
         FROM orders o CROSS JOIN order_items i ON i.order_row = o.row \
         WHERE o.placed_at >= ?1 AND +o.status NOT IN ({unsold}) \
         GROUP BY i.product_id ORDER BY units DESC, id LIMIT ?2"
    )
});

/// Names as an SQL list of texts; the names of statuses hold no quote.
fn quoted(names: impl Iterator<Item = &'static str>) -> String {
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}
