//! Search: every word has to occur as a whole word, case and accents ignored; no character is an operator.

use orderwire::{domain::*, storage::StoreError};

use super::{
    engine::Db,
    listed::{DIRECTIONS, Listed, Query, compare, page, query},
    pages::{walk_backward, walk_forward},
};
use crate::support::data::{by_system, insert_products, product, stamp, task, user};

fn named(sku: &str, name: &str, description: Option<&str>) -> Product {
    Product { name: name.to_owned(), description: description.map(str::to_owned), ..product(sku) }
}

/// The SKUs of the products found, sorted.
async fn found(db: &Db, text: &str) -> Vec<String> {
    let filter = ProductFilter { search: SearchTerms::parse(text).ok(), ..ProductFilter::default() };
    let sort = Sort { field: ProductSort::Name, direction: Direction::Asc };
    let page = page::<Product>(db, &filter, sort, Slice::first(100)).await;
    assert_eq!(db.count_products(&[filter]).await.unwrap(), [page.edges.len() as u64], "{text}");
    let mut skus: Vec<String> = page.edges.into_iter().map(|edge| edge.node.sku).collect();
    skus.sort();
    skus
}

pub async fn search_finds_whole_words_in_any_case_and_accent(db: &Db) {
    for product in [
        named("K1", "WHITE Hanging Heart T-LIGHT HOLDER", Some("Für das Café")),
        named("K2", "Cream heart, children's cup", None),
        named("K3", "The lanterns_of İstanbul (10cm)", Some("чай и ВОДА; heart")),
        named("X-99/a", "Plain", Some("")),
    ] {
        insert_products(db.store(), &[&product]).await;
    }
    for (text, skus) in [
        ("heart", &["K1", "K2", "K3"][..]),
        ("HEART white", &["K1"]),
        ("white heart hanging", &["K1"]),
        ("heart missing", &[]),
        ("cafe", &["K1"]),
        ("CAFÉ fur", &["K1"]),
        ("t-light", &["K1"]),
        ("light T", &["K1"]),
        ("tlight", &[]),
        ("children's", &["K2"]),
        ("childrens", &[]),
        ("children,cup!", &["K2"]),
        ("hear", &[]),
        ("hearts", &[]),
        ("lantern", &[]),
        ("lanterns", &["K3"]),
        ("of", &["K3"]),
        ("the", &["K3"]),
        ("istanbul", &["K3"]),
        ("İSTANBUL", &["K3"]),
        ("10", &[]),
        ("10CM", &["K3"]),
        ("ЧАЙ вода", &["K3"]),
        ("k2 cream", &["K2"]),
        ("x 99", &["X-99/a"]),
        ("a plain", &["X-99/a"]),
    ] {
        assert_eq!(found(db, text).await, skus, "{text}");
    }
}

pub async fn search_has_no_operators(db: &Db) {
    insert_products(db.store(), &[&named("K1", "red lamp", None), &named("K2", "red and blue lamp", None)]).await;
    for (text, skus) in [
        ("red -blue", &["K2"][..]),
        ("\"lamp red\"", &["K1", "K2"]),
        ("lam*", &[]),
        ("^red", &["K1", "K2"]),
        ("red OR green", &[]),
        ("red AND blue", &["K2"]),
        ("NOT red", &[]),
        ("NEAR(red lamp)", &[]),
        ("name:red", &[]),
        ("{red} + (lamp) ' % _ $ \\ \0", &["K1", "K2"]),
        (".*", &[]),
    ] {
        assert_eq!(found(db, text).await, skus, "{text}");
    }
}

pub async fn search_follows_changes(db: &Db) {
    let lamp = named("K1", "red lamp", Some("bright"));
    insert_products(db.store(), &[&lamp]).await;
    let changes = ProductChanges { name: Some("green lamp".into()), description: Some(None), ..Default::default() };
    db.update_product(lamp.id, changes, None, stamp()).await.unwrap();
    assert_eq!(found(db, "green lamp").await, ["K1"]);
    assert!(found(db, "red").await.is_empty() && found(db, "bright").await.is_empty());

    let work = Task { description: Some("call the painter".into()), ..task("paint it") };
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let changes = TaskChanges { title: Some("varnish it".into()), ..TaskChanges::default() };
    db.update_task(work.id, changes, None, stamp()).await.unwrap();
    let count = async |text| {
        db.count_tasks(&[TaskFilter { search: SearchTerms::parse(text).ok(), ..TaskFilter::default() }]).await.unwrap()
            [0]
    };
    assert_eq!((count("varnish painter").await, count("paint").await), (1, 0));
    db.delete_task(work.id, stamp()).await.unwrap();
    assert_eq!(count("varnish").await, 0);

    let anna = user("Anna");
    db.insert_user(&anna, None).await.unwrap();
    let changes =
        UserChanges { name: Some("Hanna".into()), email: Some("h@orderwire.test".into()), ..Default::default() };
    db.update_user(anna.id, changes, None, by_system(1)).await.unwrap();
    let count = async |text| {
        db.count_users(&[UserFilter { search: SearchTerms::parse(text).ok(), ..UserFilter::default() }]).await.unwrap()
            [0]
    };
    assert_eq!((count("hanna orderwire h").await, count("anna").await, count("example").await), (1, 0, 0));
}

fn by_relevance(text: &str, direction: Direction) -> (ProductFilter, Sort<ProductSort>) {
    let filter = ProductFilter { search: SearchTerms::parse(text).ok(), ..ProductFilter::default() };
    (filter, Sort { field: ProductSort::Relevance, direction })
}

pub async fn better_matches_rank_first(db: &Db) {
    let dull = "a long text about shelves boards nails screws glue and in the end one lantern as well";
    insert_products(db.store(), &[&named("dull", "Shelf", Some(dull))]).await;
    insert_products(db.store(), &[&named("best", "Lantern lantern", Some("A lantern"))]).await;
    insert_products(db.store(), &[&named("other", "Chair", Some("To sit on"))]).await;
    for (direction, skus) in [(Direction::Desc, ["best", "dull"]), (Direction::Asc, ["dull", "best"])] {
        let (filter, sort) = by_relevance("lantern", direction);
        let page = page::<Product>(db, &filter, sort, Slice::first(10)).await;
        assert!(page.edges.iter().all(|edge| matches!(edge.position.key, SortKey::Score(_))));
        assert_eq!(page.edges.into_iter().map(|edge| edge.node.sku).collect::<Vec<_>>(), skus, "{direction:?}");
    }
}

/// Pages by relevance, with many equal scores, hold every row once.
pub async fn pages_by_relevance_are_complete(db: &Db) {
    let words = ["lantern", "lantern lantern", "lantern red", "red lantern lantern paper", "paper"];
    let products: Vec<Product> = (0..60).map(|number| named(&format!("K{number}"), words[number % 5], None)).collect();
    db.import_products(&products).await.unwrap();
    for direction in DIRECTIONS {
        let (filter, sort) = by_relevance("lantern", direction);
        let whole = page::<Product>(db, &filter, sort, Slice::first(1000)).await;
        assert_eq!((whole.edges.len(), whole.has_previous, whole.has_next), (48, false, false));
        assert!(whole.edges.windows(2).all(|pair| compare(&pair[0].position, &pair[1].position, direction).is_lt()));
        assert!(whole.edges.iter().all(|edge| edge.node.passes(&filter)));
        for size in [1, 5] {
            assert_eq!(walk_forward::<Product>(db, &filter, sort, size).await, whole.edges);
            assert_eq!(walk_backward::<Product>(db, &filter, sort, size).await, whole.edges);
        }
        let range = Slice {
            after: Some(whole.edges[3].position.clone()),
            before: Some(whole.edges[40].position.clone()),
            take: Take::Last(30),
        };
        let queries: Vec<Query<Product>> = vec![query::<Product>(&filter, sort, range)];
        assert_eq!(Product::list(db.store(), &queries).await[0].edges, whole.edges[10..40]);
    }
}

pub async fn a_list_by_relevance_needs_a_search(db: &Db) {
    insert_products(db.store(), &[&product("lamp")]).await;
    let sort = Sort { field: ProductSort::Relevance, direction: Direction::Desc };
    let query =
        ListQuery { filter: ProductFilter::default(), sort, slice: Slice::first(10), fields: ProductFields::ALL };
    let answer = db.list_products(&[query]).await;
    assert!(matches!(answer, Err(StoreError::Internal(_))), "{answer:?}");
}
