//! Lists read in one merged scan equal lists read one by one.

use super::{DIRECTIONS, load, on_nodes};
use crate::{
    domain::*,
    storage::{TaskQuery, TaskStore},
};

#[tokio::test(flavor = "multi_thread")]
async fn merged_task_lists_equal_single_task_lists() {
    on_nodes(1, async |stores| {
        let data = load(&stores[0]).await;
        let many = (0..60).map(|number| {
            let order = data.tasks[0].order;
            Task { order, ..super::a_task(10_000 + number, &data.users, &data.orders) }
        });
        crate::storage::ImportStore::import_tasks(&stores[0], &many.collect::<Vec<_>>()).await.unwrap();

        // Orders 0 to 27 have tasks, every third one; order 0 has more than fit in all the pages together.
        for orders in [0..28, 1..28, 1..2, 0..1] {
            for field in [TaskSort::CreatedAt, TaskSort::DueAt, TaskSort::Priority] {
                for (direction, take) in DIRECTIONS
                    .into_iter()
                    .flat_map(|way| [(way, Take::First(2)), (way, Take::Last(3)), (way, Take::First(20))])
                {
                    let query = |order: &Order| TaskQuery {
                        filter: TaskFilter { order: Some(order.id), ..TaskFilter::default() },
                        sort: Sort { field, direction },
                        slice: Slice { after: None, before: None, take },
                        fields: TaskFields { description: false },
                    };
                    let queries: Vec<TaskQuery> = data.orders[orders.clone()].iter().map(query).collect();
                    let together = stores[0].list_tasks(&queries).await.unwrap();
                    for (query, page) in queries.iter().zip(together) {
                        let alone = stores[0].list_tasks(std::slice::from_ref(query)).await.unwrap();
                        assert_eq!(alone, [page], "{query:?}");
                    }
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_asked_for_twice_is_answered_twice() {
    on_nodes(1, async |stores| {
        let data = load(&stores[0]).await;
        let query = |order: usize| TaskQuery {
            filter: TaskFilter { order: Some(data.orders[order].id), ..TaskFilter::default() },
            sort: Sort { field: TaskSort::CreatedAt, direction: Direction::Asc },
            slice: Slice::first(50),
            fields: TaskFields { description: false },
        };
        let pages = stores[0].list_tasks(&[query(0), query(3), query(0)]).await.unwrap();
        assert_eq!(pages[0], pages[2]);
        assert!(!pages[0].edges.is_empty() && pages[0] != pages[1]);
    })
    .await;
}
