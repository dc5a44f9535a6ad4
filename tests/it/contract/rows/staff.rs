//! Pages of staff, who see everything: what the engine examines for one does not grow with the list.

use orderwire::domain::UserRole;

use super::{
    FEW, MANY, Measured, Meter, Shop,
    lists::{List, Schema, cursors},
};
use crate::{
    contract::engine::Db,
    support::api::{TestApi, viewer_with},
};

/// Measures pages at both ends of a list and in the middle, forwards and backwards.
async fn measure_pages(meter: &mut Meter<'_>, list: &List, arguments: &str) {
    let Some((whole, _)) = meter.run(&list.whole(arguments, "")).await else { return };
    let cursors = cursors(&whole);
    let middle = &cursors[cursors.len() / 2];
    let pages = [
        "first: 5".to_owned(),
        "last: 5".to_owned(),
        format!("first: 5 after: {middle:?}"),
        format!("last: 5 before: {middle:?}"),
    ];
    for page in pages {
        meter.measure(list.page(&page, arguments)).await.expect("a page of staff is answered");
    }
}

pub async fn pages_of_staff_examine_no_more_rows_when_there_are_more(db: &mut Db) {
    let schema = Schema::load();
    let shop = Shop::open(db).await;
    let shop = Shop { viewer: viewer_with(shop.own.id, UserRole::Staff), ..shop };
    shop.add_rows_of_others(db, 0..FEW).await;
    let api = TestApi::over(db.shared()).await;

    db.examined().await;
    let mut meter = Meter { db, api: &api, shop: &shop, measured: Vec::new() };
    for list in schema.lists.iter().filter(|list| list.object == "Query") {
        let orders = list.arguments.iter().find(|(name, _)| name == "orderBy").map(|(_, ty)| ty);
        for order in orders.map(|ty| schema.literals(ty, &[])).unwrap_or_default() {
            measure_pages(&mut meter, list, &format!("orderBy: {order}")).await;
        }
    }
    shop.add_rows_of_others(db, FEW..MANY).await;
    db.examined().await;
    let queries = meter.measured.len();
    let mut grown = Vec::new();
    for Measured { query, cost: few } in &meter.measured {
        let many = meter.least(query, few + db.examined_by_chance()).await;
        if many > few + db.examined_by_chance() {
            grown.push(format!("{few} became {many}: {query}"));
        }
    }
    assert!(queries > 60, "{queries} queries were measured");
    assert!(grown.is_empty(), "of {queries} queries, these examine more:\n{}", grown.join("\n"));
}
