//! Pages of lists, compared with the same list cut in memory.

use super::*;

/// Forty products with ties in every sort field; every third has tags, some are sold out or archived.
fn assortment() -> Vec<Product> {
    let make = |number: i32| {
        let mut product = product(&format!("{number:02}"), number % 4);
        product.name = format!("{} candle {}", ["Red", "Blue", "red"][number as usize % 3], number % 5);
        product.price = Decimal::from_units(i64::from(number % 3) * 100);
        product.created_at = at(i64::from(number % 6));
        product.status = if number % 7 == 0 { ProductStatus::Archived } else { ProductStatus::Active };
        product.tags = if number % 3 == 0 { vec!["b".into(), "a".into(), "b".into()] } else { Vec::new() };
        product.description = Some("Wax".to_owned());
        product
    };
    (0..40).map(make).collect()
}

fn passes(filter: &ProductFilter, product: &Product) -> bool {
    filter.tag.as_ref().is_none_or(|tag| product.tags.contains(tag))
        && filter.status.is_none_or(|status| product.status == status)
        && filter.in_stock.is_none_or(|wanted| (product.stock > 0) == wanted)
        && filter.min_price.is_none_or(|least| product.price >= least)
        && filter.max_price.is_none_or(|most| product.price <= most)
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&product.id))
        && filter.skus.as_ref().is_none_or(|skus| skus.contains(&product.sku))
}

fn in_order(mut products: Vec<Product>, sort: Sort<ProductSort>) -> Vec<Product> {
    let rank = |product: &Product| {
        let position = sort.field.position(product, 0.0);
        let (number, text) = match position.key {
            SortKey::Int(number) => (number, String::new()),
            SortKey::Text(text) => (0, text),
            SortKey::Score(_) => unreachable!("not sorted by score here"),
        };
        (number, text, position.id)
    };
    products.sort_by_key(rank);
    if sort.direction == Direction::Desc {
        products.reverse();
    }
    products
}

#[tokio::test]
async fn every_page_equals_the_list_cut_in_memory() {
    let store = temporary().await;
    let all = assortment();
    store.import_products(&all).await.unwrap();
    let filters = [
        ProductFilter::default(),
        ProductFilter { tag: Some("a".into()), ..Default::default() },
        ProductFilter { tag: Some("a".into()), status: Some(ProductStatus::Active), ..Default::default() },
        ProductFilter { status: Some(ProductStatus::Active), in_stock: Some(true), ..Default::default() },
        ProductFilter { in_stock: Some(false), min_price: Some(Decimal::from_units(100)), ..Default::default() },
        ProductFilter { max_price: Some(Decimal::from_units(100)), ..Default::default() },
        ProductFilter { ids: Some(all.iter().take(9).map(|p| p.id).collect()), ..Default::default() },
        ProductFilter { skus: Some(vec!["01".into(), "03".into(), "01".into()]), ..Default::default() },
        ProductFilter { tag: Some("none".into()), ..Default::default() },
    ];
    let mut queries = Vec::new();
    let mut expected = Vec::new();
    for filter in filters {
        for field in [ProductSort::CreatedAt, ProductSort::Name, ProductSort::Price, ProductSort::Stock] {
            for direction in [Direction::Asc, Direction::Desc] {
                let sort = Sort { field, direction };
                let whole = in_order(all.clone(), sort);
                for (after, before) in
                    [(None, None), (Some(4), None), (None, Some(33)), (Some(4), Some(9)), (Some(9), Some(9))]
                {
                    for take in [Take::First(3), Take::Last(3), Take::First(50), Take::Last(50)] {
                        let position = |at: Option<usize>| at.map(|at: usize| field.position(&whole[at], 0.0));
                        let slice = Slice { after: position(after), before: position(before), take };
                        let fields = ProductFields::ALL;
                        queries.push(ProductQuery { filter: filter.clone(), sort, slice, fields });
                        expected.push(page_of(&whole, |product| passes(&filter, product), (after, before), take));
                    }
                }
            }
        }
    }
    let pages = store.list_products(&queries).await.unwrap();
    for ((query, page), expected) in queries.iter().zip(pages).zip(expected) {
        let found: Vec<ProductId> = page.edges.iter().map(|edge| edge.node.id).collect();
        assert_eq!((found, page.has_previous, page.has_next), expected, "{query:?}");
        for edge in page.edges {
            assert_eq!(edge.position, query.sort.field.position(&edge.node, 0.0));
        }
    }
}

/// The expected page. `whole` is the sorted list without the filter; the cursors are indexes into it.
fn page_of(
    whole: &[Product],
    passes: impl Fn(&Product) -> bool,
    (after, before): (Option<usize>, Option<usize>),
    take: Take,
) -> (Vec<ProductId>, bool, bool) {
    let kept: Vec<usize> = (0..whole.len()).filter(|at| passes(&whole[*at])).collect();
    let mut range: Vec<usize> = kept.clone();
    range.retain(|at| after.is_none_or(|after| *at > after) && before.is_none_or(|before| *at < before));
    match take {
        Take::First(count) => range.truncate(count as usize),
        Take::Last(count) => range = range.split_off(range.len().saturating_sub(count as usize)),
    }
    let (previous, next) = match (range.first(), range.last()) {
        (Some(first), Some(last)) => (kept.iter().any(|at| at < first), kept.iter().any(|at| at > last)),
        _ => (
            after.is_some_and(|after| kept.iter().any(|at| *at <= after)),
            before.is_some_and(|before| kept.iter().any(|at| *at >= before)),
        ),
    };
    (range.into_iter().map(|at| whole[at].id).collect(), previous, next)
}

#[tokio::test]
async fn tag_filter_follows_changes_of_the_product() {
    let store = temporary().await;
    let one = Product { tags: vec!["old".into()], ..product("one", 5) };
    store.insert_product(one.clone(), stamp(0)).await.unwrap();
    let changes = ProductChanges { tags: Some(vec!["new".into(), "x".into()]), ..Default::default() };
    store.update_product(one.id, changes, Some(1), stamp(1)).await.unwrap();
    let adjustment = StockAdjustment { product: one.id, delta: -5, idempotency: None };
    store.adjust_stock(adjustment, stamp(2)).await.unwrap();
    let tagged = |tag: &str, in_stock| ProductFilter { tag: Some(tag.into()), in_stock, ..Default::default() };
    let filters = [tagged("old", None), tagged("new", Some(true)), tagged("new", Some(false))];
    assert_eq!(store.count_products(&filters).await.unwrap(), [0, 0, 1]);
    let sort = Sort { field: ProductSort::Stock, direction: Direction::Asc };
    let query = ProductQuery { filter: tagged("x", None), sort, slice: Slice::first(1), fields: ProductFields::ALL };
    let page = store.list_products(&[query]).await.unwrap().remove(0);
    assert_eq!(page.edges[0].position.key, SortKey::Int(0));
    assert_eq!(page.edges[0].node.tags, ["new", "x"]);
}

#[tokio::test]
async fn relevance_prefers_the_name_and_pages_through() {
    let store = temporary().await;
    let mut products: Vec<Product> = (0..12).map(|number| product(&format!("{number:02}"), 1)).collect();
    for (number, product) in products.iter_mut().enumerate() {
        product.name = if number % 2 == 0 { "Crème lantern".to_owned() } else { "Plain thing".to_owned() };
        product.description = Some("goes with a CREME lantern of any size".to_owned());
    }
    store.import_products(&products).await.unwrap();
    let query = |slice| ProductQuery {
        filter: ProductFilter { search: SearchTerms::parse("creme LANTERN").ok(), ..Default::default() },
        sort: Sort { field: ProductSort::Relevance, direction: Direction::Desc },
        slice,
        fields: ProductFields { description: false },
    };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let slice = Slice { after: after.clone(), before: None, take: Take::First(5) };
        let page = store.list_products(&[query(slice)]).await.unwrap().remove(0);
        assert_eq!(page.has_previous, after.is_some());
        assert!(page.edges.iter().all(|edge| edge.node.description.is_none()));
        seen.extend(page.edges.iter().map(|edge| edge.node.name.clone()));
        after = page.edges.last().map(|edge| edge.position.clone());
        if !page.has_next {
            break;
        }
    }
    assert_eq!(seen.len(), 12);
    assert!(seen[..6].iter().all(|name| name == "Crème lantern"), "{seen:?}");
}

#[tokio::test]
async fn lists_merged_from_several_values_or_viewers_repeat_no_row() {
    let store = temporary().await;
    let viewer = user("viewer").id;
    let mut tasks = Vec::new();
    for number in 0..24_i64 {
        let mut task = task(&format!("{number:02}"));
        task.created_at = at(number % 5);
        task.status = if number % 3 == 0 { TaskStatus::Todo } else { TaskStatus::InProgress };
        task.created_by = if number % 2 == 0 { viewer } else { task.created_by };
        task.assignee = (number % 4 == 0 || number == 7).then_some(viewer);
        tasks.push(task);
    }
    store.import_tasks(&tasks).await.unwrap();
    let both = Some(vec![TaskStatus::Todo, TaskStatus::InProgress, TaskStatus::Todo]);
    for (filter, count) in [
        (TaskFilter { statuses: both.clone(), ..Default::default() }, 24),
        (TaskFilter { visible_to: Some(viewer), ..Default::default() }, 13),
        (TaskFilter { visible_to: Some(viewer), statuses: both, ..Default::default() }, 13),
        (TaskFilter { statuses: Some(Vec::new()), ..Default::default() }, 0),
    ] {
        let sort = Sort { field: TaskSort::CreatedAt, direction: Direction::Desc };
        let mut seen: Vec<Position> = Vec::new();
        loop {
            let slice = Slice { after: seen.last().cloned(), before: None, take: Take::First(4) };
            let query = TaskQuery { filter: filter.clone(), sort, slice, fields: TaskFields::ALL };
            let page = store.list_tasks(&[query]).await.unwrap().remove(0);
            assert_eq!(page.has_previous, !seen.is_empty());
            seen.extend(page.edges.into_iter().map(|edge| edge.position));
            if !page.has_next {
                break;
            }
        }
        let keys = |position: &Position| match position.key {
            SortKey::Int(key) => (key, position.id),
            _ => unreachable!("sorted by time"),
        };
        assert!(seen.windows(2).all(|pair| keys(&pair[0]) > keys(&pair[1])), "{filter:?}");
        assert_eq!(seen.len(), count, "{filter:?}");
        assert_eq!(store.count_tasks(&[filter]).await.unwrap(), [count as u64]);
    }
}

#[tokio::test]
async fn position_of_another_sort_is_an_internal_error() {
    let store = temporary().await;
    let slice =
        Slice { after: Some(Position { key: SortKey::Text("x".into()), id: user("x").id.ulid() }), ..Slice::first(1) };
    let sort = Sort { field: OrderSort::Total, direction: Direction::Asc };
    let query = OrderQuery { filter: OrderFilter::default(), sort, slice, fields: OrderFields::ALL };
    assert!(matches!(store.list_orders(&[query]).await, Err(StoreError::Internal(_))));
}
