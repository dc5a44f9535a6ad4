//! Pages: a walk through a list in either direction shows every row once and in order, and a page knows whether rows lie
//! around it.

use orderwire::domain::*;

use super::{
    data_set::DataSet,
    engine::Db,
    listed::{DIRECTIONS, Listed, Query, expected, expected_page, one, page, query, sorts},
};
use crate::support::data::{at, stamp, task};

pub async fn pages_of_users_walk_the_whole_list(db: &Db) {
    walk_the_whole_list::<User>(db).await;
}

pub async fn pages_of_products_walk_the_whole_list(db: &Db) {
    walk_the_whole_list::<Product>(db).await;
}

pub async fn pages_of_orders_walk_the_whole_list(db: &Db) {
    walk_the_whole_list::<Order>(db).await;
}

pub async fn pages_of_tasks_walk_the_whole_list(db: &Db) {
    walk_the_whole_list::<Task>(db).await;
}

/// Walks by every field, forward and backward, and compares with a sort in memory.
async fn walk_the_whole_list<T: Listed>(db: &Db) {
    let data = DataSet::load(db.store()).await;
    let filter = T::Filter::default();
    for sort in sorts::<T>() {
        let all = expected(T::rows(&data), &filter, sort);
        for size in [1, 7] {
            assert_eq!(walk_forward::<T>(db, &filter, sort, size).await, all, "forward by {size}, {sort:?}");
            assert_eq!(walk_backward::<T>(db, &filter, sort, size).await, all, "backward by {size}, {sort:?}");
        }
    }
}

/// Follows the last edge of each page.
pub async fn walk_forward<T: Listed>(db: &Db, filter: &T::Filter, sort: Sort<T::Sort>, size: u32) -> Vec<Edge<T>> {
    let mut seen: Vec<Edge<T>> = Vec::new();
    loop {
        let after = seen.last().map(|edge| edge.position.clone());
        let page = page::<T>(db, filter, sort, Slice { after, before: None, take: Take::First(size) }).await;
        assert!(page.edges.len() as u32 <= size);
        assert_eq!(page.has_previous, !seen.is_empty(), "{sort:?} after {}", seen.len());
        seen.extend(page.edges);
        if !page.has_next {
            return seen;
        }
        assert!(seen.len() < 1000, "the walk should end");
    }
}

/// Follows the first edge of each page.
pub async fn walk_backward<T: Listed>(db: &Db, filter: &T::Filter, sort: Sort<T::Sort>, size: u32) -> Vec<Edge<T>> {
    let mut seen: Vec<Edge<T>> = Vec::new();
    loop {
        let before = seen.first().map(|edge| edge.position.clone());
        let page = page::<T>(db, filter, sort, Slice { after: None, before, take: Take::Last(size) }).await;
        assert!(page.edges.len() as u32 <= size);
        assert_eq!(page.has_next, !seen.is_empty(), "{sort:?} before {}", seen.len());
        seen.splice(0..0, page.edges);
        if !page.has_previous {
            return seen;
        }
        assert!(seen.len() < 1000, "the walk should end");
    }
}

/// Tries every pair of cursors, at rows and between rows, with every kind of `Take`.
pub async fn a_page_knows_whether_rows_lie_around_it(db: &Db) {
    let data = DataSet::load(db.store()).await;
    let filter = TaskFilter { visible_to: Some(data.users[1].id), ..TaskFilter::default() };
    for direction in DIRECTIONS {
        let sort = Sort { field: TaskSort::Priority, direction };
        let all = expected(&data.tasks, &filter, sort);
        let key = |rank, id| Some(Position { key: SortKey::Int(rank), id });
        let last = all.len() - 1;
        let mut places: Vec<Option<Position>> =
            [0, 1, last / 2, last / 2 + 1, last].map(|row| Some(all[row].position.clone())).into();
        let gap = TaskId::derived(at(1), "test", "no such task").ulid();
        places.extend([None, key(i64::MIN, gap), key(1, gap), key(i64::MAX, gap)]);
        let mut slices = Vec::new();
        for after in &places {
            for before in &places {
                for take in
                    [Take::First(1), Take::First(4), Take::First(1000), Take::Last(1), Take::Last(4), Take::Last(1000)]
                {
                    slices.push(Slice { after: after.clone(), before: before.clone(), take });
                }
            }
        }
        for some in slices.chunks(54) {
            let queries: Vec<Query<Task>> =
                some.iter().map(|slice| query::<Task>(&filter, sort, slice.clone())).collect();
            for (slice, page) in some.iter().zip(Task::list(db.store(), &queries).await) {
                assert_eq!(page, expected_page(&all, slice, direction), "{direction:?} {slice:?}");
            }
        }
    }
}

pub async fn pages_of_nothing_are_empty(db: &Db) {
    let sort = Sort { field: TaskSort::CreatedAt, direction: Direction::Asc };
    for take in [Take::First(5), Take::Last(5)] {
        let slice = Slice { after: None, before: None, take };
        assert_eq!(page::<Task>(db, &TaskFilter::default(), sort, slice).await, Page::empty());
    }
    db.insert_task(task("only"), stamp()).await.unwrap();
    for take in [Take::First(0), Take::Last(0)] {
        let slice = Slice { after: None, before: None, take };
        assert!(page::<Task>(db, &TaskFilter::default(), sort, slice).await.edges.is_empty(), "{take:?}");
    }
}

/// Rows come and go between two pages; a row that is there all the time is seen exactly once.
pub async fn pages_are_stable_while_rows_come_and_go(db: &Db) {
    let filter = TaskFilter::default();
    for (round, direction) in DIRECTIONS.into_iter().enumerate() {
        let sort = Sort { field: TaskSort::DueAt, direction };
        let titled = |name: &str, number: i64, due: i64| Task {
            due_at: Some(at(due)),
            ..task(&format!("{name} {round} {number}"))
        };
        for number in 0..40 {
            db.insert_task(titled("stays", number, number / 4), stamp()).await.unwrap();
            if number % 3 == 0 {
                db.insert_task(titled("goes", number, number / 4), stamp()).await.unwrap();
            }
        }
        let stays = |edge: &Edge<Task>| edge.node.title.starts_with(&format!("stays {round}"));
        let whole = page::<Task>(db, &filter, sort, Slice::first(1000)).await.edges;
        let stayed: Vec<Edge<Task>> = whole.into_iter().filter(stays).collect();
        assert_eq!(stayed.len(), 40);

        let mut seen: Vec<Edge<Task>> = Vec::new();
        let mut after = None;
        loop {
            let slice = Slice { after, before: None, take: Take::First(6) };
            let page = page::<Task>(db, &filter, sort, slice).await;
            let Some(last) = page.edges.last() else { break };
            after = Some(last.position.clone());
            let going = page.edges.iter().filter(|edge| edge.node.title.starts_with("goes"));
            for edge in going {
                db.delete_task(edge.node.id, stamp()).await.unwrap();
            }
            if seen.len() < 60 {
                let number = seen.len() as i64;
                db.insert_task(titled("came before", number, 0), stamp()).await.unwrap();
                db.insert_task(titled("came after", number, 9), stamp()).await.unwrap();
            }
            seen.extend(page.edges);
            assert!(seen.len() < 500, "the walk should end");
        }
        let mut ids: Vec<TaskId> = seen.iter().map(|edge| edge.node.id).collect();
        assert_eq!(seen.into_iter().filter(stays).collect::<Vec<_>>(), stayed, "{direction:?}");
        ids.sort();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "no row twice");
    }
}

pub async fn lists_read_only_the_fields_asked_for(db: &Db) {
    let data = DataSet::load(db.store()).await;
    let sort = Sort { field: TaskSort::CreatedAt, direction: Direction::Asc };
    let lean = Query::<Task> {
        fields: TaskFields { description: false },
        ..query::<Task>(&TaskFilter::default(), sort, Slice::first(1000))
    };
    for (edge, whole) in
        one::<Task>(db, lean).await.edges.into_iter().zip(expected(&data.tasks, &TaskFilter::default(), sort))
    {
        assert_eq!(edge.node, Task { description: None, ..whole.node });
    }

    let sort = Sort { field: ProductSort::Name, direction: Direction::Asc };
    let filter = ProductFilter { search: SearchTerms::parse("red").ok(), ..ProductFilter::default() };
    let lean = Query::<Product> {
        fields: ProductFields { description: false },
        ..query::<Product>(&filter, sort, Slice::first(1000))
    };
    let page = one::<Product>(db, lean).await;
    assert!(!page.edges.is_empty());
    for (edge, whole) in page.edges.into_iter().zip(expected(&data.products, &filter, sort)) {
        assert_eq!(edge.node, Product { description: None, ..whole.node });
    }

    let sort = Sort { field: OrderSort::Total, direction: Direction::Desc };
    let whole = expected(&data.orders, &OrderFilter::default(), sort);
    for (items, history) in [(false, false), (true, false), (false, true), (true, true)] {
        let fields = OrderFields { items, history };
        let lean = Query::<Order> { fields, ..query::<Order>(&OrderFilter::default(), sort, Slice::first(1000)) };
        for (edge, whole) in one::<Order>(db, lean).await.edges.into_iter().zip(whole.clone()) {
            let mut order = whole.node;
            if !items {
                order.items.clear();
            }
            if !history {
                order.history.clear();
            }
            assert_eq!(edge.node, order, "{fields:?}");
        }
    }
}
