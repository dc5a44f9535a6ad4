//! Query plans: no list reads a whole table, and none sorts rows that an index gives in order.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::*;
use crate::storage::sqlite::{event, list::ListBuilder, order, product, product_list, schema, task, user};

fn database() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let connection = schema::open(&folder.path().join("plans.db"), default_options()).unwrap();
    (folder, connection)
}

fn plan(db: &Connection, sql: &str, params: Vec<Value>) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    statement.query_map(params_from_iter(params), |row| row.get("detail")).unwrap().map(|line| line.unwrap()).collect()
}

/// What a list may cost beyond a walk along one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    /// Nothing: the index gives the rows in order.
    Walk,
    /// Its few rows are found by an index and then sorted.
    Sort,
}

fn check(label: &str, lines: &[String], cost: Cost) {
    for line in lines {
        let whole_table = line.starts_with("SCAN ")
            && !line.contains("USING INDEX")
            && !line.contains("USING COVERING INDEX")
            && !line.contains("VIRTUAL TABLE INDEX")
            && !["SCAN hits", "SCAN sums", "SCAN CONSTANT ROW"].contains(&line.as_str())
            && !line.starts_with("SCAN (subquery");
        assert!(!whole_table, "{label} reads a whole table: {lines:#?}");
        let sorts = line.contains("TEMP B-TREE") && !line.contains("DISTINCT");
        assert!(!sorts || cost == Cost::Sort, "{label} sorts: {lines:#?}");
        assert!(!line.contains("AUTOMATIC"), "{label} lacks an index: {lines:#?}");
    }
}

fn slices(key: &SortKey) -> Vec<Slice> {
    let position = || Some(Position { key: key.clone(), id: user("somebody").id.ulid() });
    [(None, None), (position(), None), (None, position()), (position(), position())]
        .into_iter()
        .flat_map(|(after, before)| {
            [Take::First(20), Take::Last(20)].map(|take| Slice { after: after.clone(), before: before.clone(), take })
        })
        .collect()
}

/// Checks the plans of a list in every direction and with every combination of cursors.
fn check_list(
    label: &str,
    db: &Connection,
    key: SortKey,
    cost: Cost,
    columns: &str,
    list: impl Fn(Direction, Option<&Slice>) -> ListBuilder,
) {
    for direction in [Direction::Asc, Direction::Desc] {
        for slice in slices(&key) {
            let label = format!("{label} {direction:?} {slice:?}");
            let list = list(direction, Some(&slice));
            for towards in [Direction::Asc, Direction::Desc] {
                let bounds: Vec<_> = [
                    slice.after.as_ref().map(|position| (crate::storage::sqlite::list::Side::After, position)),
                    slice.before.as_ref().map(|position| (crate::storage::sqlite::list::Side::Before, position)),
                ]
                .into_iter()
                .flatten()
                .collect();
                let page = list.rows(columns, &bounds, towards, 21).unwrap();
                let probe = list.any(&bounds, towards).unwrap();
                for (sql, params) in page.into_iter().chain(probe) {
                    let lines = plan(db, &sql, params);
                    check(&label, &lines, cost);
                    if cost == Cost::Walk && !bounds.is_empty() {
                        let narrowed =
                            lines.iter().all(|line| !line.starts_with("SCAN ") || line.contains("(subquery"));
                        assert!(narrowed, "{label} walks past what lies before the cursor: {lines:#?}");
                    }
                }
            }
        }
    }
    if let Some((sql, params)) = list(Direction::Asc, None).count() {
        check(&format!("count {label}"), &plan(db, &sql, params), Cost::Walk);
    }
}

/// Every filter alone and every pair of them, built by setting the fields of one filter on another.
fn alone_and_in_pairs<F: Clone + Default>(setters: &[fn(&mut F)]) -> Vec<F> {
    let mut filters = vec![F::default()];
    for (at, first) in setters.iter().enumerate() {
        let mut alone = F::default();
        first(&mut alone);
        filters.push(alone.clone());
        for second in &setters[at + 1..] {
            let mut pair = alone.clone();
            second(&mut pair);
            filters.push(pair);
        }
    }
    filters
}

#[test]
fn every_list_of_products_walks_an_index() {
    let (_folder, db) = database();
    let filters = alone_and_in_pairs::<ProductFilter>(&[
        |filter| filter.search = SearchTerms::parse("heart holder").ok(),
        |filter| filter.ids = Some(vec![super::product("a", 1).id, super::product("b", 1).id]),
        |filter| filter.skus = Some(vec!["a".to_owned(), "b".to_owned()]),
        |filter| filter.tag = Some("red".to_owned()),
        |filter| filter.status = Some(ProductStatus::Active),
        |filter| filter.in_stock = Some(true),
        |filter| filter.in_stock = Some(false),
        |filter| filter.min_price = Some(Decimal::from_units(1)),
        |filter| filter.max_price = Some(Decimal::from_units(9)),
    ]);
    for filter in filters {
        let sorted = filter.search.is_some() || filter.ids.is_some() || filter.skus.is_some();
        let mut sorts = vec![
            (ProductSort::CreatedAt, SortKey::Int(1)),
            (ProductSort::Name, SortKey::Text("a".to_owned())),
            (ProductSort::Price, SortKey::Int(1)),
            (ProductSort::Stock, SortKey::Int(1)),
        ];
        if filter.search.is_some() {
            sorts.push((ProductSort::Relevance, SortKey::Score(1.5_f64.to_bits())));
        }
        for (field, key) in sorts {
            // The index of each status is walked, and the rows are merged.
            let by_status = filter.tag.is_some() || filter.in_stock.is_some() && field != ProductSort::Stock;
            let sorts = sorted || by_status && filter.status.is_none();
            let cost = if sorts { Cost::Sort } else { Cost::Walk };
            check_list(
                &format!("{filter:?} {field:?}"),
                &db,
                key,
                cost,
                &product::list_columns(ProductFields::ALL),
                |direction, slice| product_list::filtered(&filter, Sort { field, direction }, slice).unwrap(),
            );
        }
    }
}

#[test]
fn every_list_of_orders_walks_an_index() {
    let (_folder, db) = database();
    let filters = alone_and_in_pairs::<OrderFilter>(&[
        |filter| filter.customer = Some(super::user("buyer").id),
        |filter| filter.statuses = Some(vec![OrderStatus::Pending]),
        |filter| filter.statuses = Some(vec![OrderStatus::Pending, OrderStatus::Shipped]),
        |filter| filter.region = Some("Malta".to_owned()),
        |filter| filter.placed_after = Some(at(1)),
        |filter| filter.placed_before = Some(at(9)),
        |filter| filter.product = Some(super::product("a", 1).id),
    ]);
    for filter in filters {
        let several = filter.statuses.as_ref().is_some_and(|statuses| statuses.len() > 1);
        let sorted = filter.customer.is_none() && (filter.product.is_some() || several);
        for field in [OrderSort::PlacedAt, OrderSort::Total] {
            let cost = if sorted { Cost::Sort } else { Cost::Walk };
            check_list(
                &format!("{filter:?} {field:?}"),
                &db,
                SortKey::Int(1),
                cost,
                &order::list_columns(),
                |direction, slice| order::filtered(&filter, Sort { field, direction }, slice),
            );
        }
    }
}

#[test]
fn every_list_of_tasks_walks_an_index() {
    let (_folder, db) = database();
    let filters = alone_and_in_pairs::<TaskFilter>(&[
        |filter| filter.search = SearchTerms::parse("call").ok(),
        |filter| filter.visible_to = Some(super::user("a").id),
        |filter| filter.order = Some(new_order("1", &[]).id),
        |filter| filter.assignee = Some(super::user("a").id),
        |filter| filter.created_by = Some(super::user("a").id),
        |filter| filter.statuses = Some(vec![TaskStatus::Todo]),
        |filter| filter.statuses = Some(vec![TaskStatus::Todo, TaskStatus::Done]),
        |filter| filter.priorities = Some(vec![TaskPriority::High]),
        |filter| filter.priorities = Some(vec![TaskPriority::High, TaskPriority::Low]),
        |filter| filter.due_before = Some(at(9)),
    ]);
    for filter in filters {
        let pinned = filter.order.is_some() || filter.assignee.is_some() || filter.created_by.is_some();
        let several = |count: Option<usize>| count.is_some_and(|count| count > 1);
        let merged =
            several(filter.statuses.as_ref().map(Vec::len)) || several(filter.priorities.as_ref().map(Vec::len));
        let sorts = filter.search.is_some() || filter.visible_to.is_some() || (merged && !pinned);
        let cost = if sorts { Cost::Sort } else { Cost::Walk };
        for field in [TaskSort::CreatedAt, TaskSort::DueAt, TaskSort::Priority] {
            check_list(
                &format!("{filter:?} {field:?}"),
                &db,
                SortKey::Int(1),
                cost,
                &task::list_columns(TaskFields::ALL),
                |direction, slice| task::filtered(&filter, Sort { field, direction }, slice),
            );
        }
    }
}

#[test]
fn every_list_of_users_walks_an_index() {
    let (_folder, db) = database();
    let filters = alone_and_in_pairs::<UserFilter>(&[
        |filter| filter.search = SearchTerms::parse("ada").ok(),
        |filter| filter.role = Some(UserRole::Staff),
    ]);
    for filter in filters {
        let cost = if filter.search.is_some() { Cost::Sort } else { Cost::Walk };
        for (field, key) in [(UserSort::CreatedAt, SortKey::Int(1)), (UserSort::Name, SortKey::Text("a".to_owned()))] {
            check_list(&format!("{filter:?} {field:?}"), &db, key, cost, &user::list_columns(), |direction, slice| {
                user::filtered(&filter, Sort { field, direction }, slice)
            });
        }
    }
}

#[test]
fn log_read_starts_at_its_position_without_a_scan() {
    let (_folder, db) = database();
    let entity = Some(user_id());
    for kind in [None, Some(EntityKind::Order)] {
        for entity in [None, entity] {
            let (sql, params) = event::matching(5, LogFilter { kind, entity, user: None }, 10);
            let lines = plan(&db, &sql, params);
            check("log", &lines, Cost::Walk);
            assert!(lines.iter().all(|line| line.contains("rowid>?")), "{lines:#?}");
        }
    }
}

fn user_id() -> ulid::Ulid {
    super::user("a").id.ulid()
}

#[test]
fn counting_sales_reads_only_orders_of_the_period() {
    let (_folder, db) = database();
    let lines = plan(&db, &product_list::SALES, vec![Value::Integer(1), Value::Integer(1)]);
    check("sales", &lines, Cost::Sort);
    assert!(lines.iter().any(|line| line.contains("placed_at>?")), "{lines:#?}");
}
