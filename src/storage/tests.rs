//! What the tests of both engines share.

use super::Store;
use crate::domain::{ProductFilter, SearchTerms, TaskFilter, UserFilter};

/// How many users, products and tasks a search finds.
pub(super) async fn found(store: &dyn Store, text: &str) -> [u64; 3] {
    let search = SearchTerms::parse(text).ok();
    let users = [UserFilter { search: search.clone(), ..UserFilter::default() }];
    let products = [ProductFilter { search: search.clone(), ..ProductFilter::default() }];
    let tasks = [TaskFilter { search, ..TaskFilter::default() }];
    [
        store.count_users(&users).await.unwrap()[0],
        store.count_products(&products).await.unwrap()[0],
        store.count_tasks(&tasks).await.unwrap()[0],
    ]
}
