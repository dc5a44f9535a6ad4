//! One corpus in many languages: a search finds the same rows on each engine, however its words are spelt.

use std::collections::BTreeSet;

use orderwire::domain::*;

use super::{
    engine::Db,
    listed::{Listed, page},
};
use crate::support::data::{insert_products, product, stamp, task, user};

/// Texts by name.
const CORPUS: [(&str, &str); 16] = [
    ("arabic", "كِتَابٌ جديد في المكتبة"),
    ("chinese", "北京的中文图书馆 2026年"),
    ("emoji", "🎁 present 👩\u{200d}🔧"),
    ("english", "The T-light holder's naïve façade, 10cm"),
    ("french", "Crème brûlée à l’œuf"),
    ("german", "Straßenlaterne für größere Gärten"),
    ("greek", "Ο οδός των λόγων ΣΟΦΟΣ"),
    ("hebrew", "שָׁלוֹם לעולם"),
    ("hindi", "हिन्दी की किताब क्षमा ज़रा"),
    ("japanese", "東京都のラーメン屋でがくせいが食べた ｶﾌﾟｾﾙ"),
    ("korean", "한국어 책방"),
    ("persian", "می\u{200c}خواهم کتاب"),
    ("russian", "Ёлка и чай"),
    ("thai", "ร้านกาแฟที่นี่"),
    ("turkish", "Işık İstanbul ılık"),
    ("vietnamese", "Tiếng Việt đẹp"),
];

/// Searches, and the names of the texts that have all their words.
const SEARCHES: [(&str, &[&str]); 56] = [
    ("كتاب", &["arabic"]),
    ("كـــتاب جديد", &["arabic"]),
    ("北京", &["chinese"]),
    ("中文图书", &["chinese"]),
    ("京北", &[]),
    ("图", &["chinese"]),
    ("２０２６年", &["chinese"]),
    ("present", &["emoji"]),
    ("naive FACADE", &["english"]),
    ("holder", &["english"]),
    ("10", &[]),
    ("t light", &["english"]),
    ("creme brulee", &["french"]),
    ("l'œuf", &["french"]),
    ("strassenlaterne", &["german"]),
    ("STRASSENLATERNE grossere", &["german"]),
    ("STRAẞENLATERNE", &["german"]),
    ("garten fur", &["german"]),
    ("strasse", &[]),
    ("ΟΔΟΣ", &["greek"]),
    ("οδος", &["greek"]),
    ("οδοσ", &["greek"]),
    ("σοφος λογων", &["greek"]),
    ("σοφός", &["greek"]),
    ("שלום", &["hebrew"]),
    ("שָׁלוֹם", &["hebrew"]),
    ("हिन्दी", &["hindi"]),
    ("किताब हिन्दी", &["hindi"]),
    ("हन्द", &[]),
    ("क्षमा", &["hindi"]),
    ("ज\u{93c}रा", &["hindi"]),
    ("東京都", &["japanese"]),
    ("京都", &["japanese"]),
    ("ラーメン", &["japanese"]),
    ("カプセル", &["japanese"]),
    ("がくせい", &["japanese"]),
    ("かくせい", &[]),
    ("食べた 東京", &["japanese"]),
    ("한국어", &["korean"]),
    ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}", &["korean"]),
    ("한국", &[]),
    ("میخواهم", &["persian"]),
    ("می\u{200c}خواهم", &["persian"]),
    ("елка ЧАЙ", &["russian"]),
    ("ёлка", &["russian"]),
    ("กาแฟ", &["thai"]),
    ("ร้านกาแฟ", &["thai"]),
    ("แฟกา", &[]),
    ("isik ISTANBUL", &["turkish"]),
    ("ışık ilik", &["turkish"]),
    ("istanbul", &["turkish"]),
    ("tieng viet", &["vietnamese"]),
    ("TIẾNG đẹp", &["vietnamese"]),
    ("***", &[]),
    ("🎁", &[]),
    ("\u{301} ー \u{200b}", &[]),
];

pub async fn a_search_finds_the_same_in_each_language_and_spelling(db: &Db) {
    for (number, (name, text)) in CORPUS.into_iter().enumerate() {
        let by_name = Product { name: text.to_owned(), description: None, ..product(&format!("{name} title")) };
        let by_text = Product { description: Some(nfd(text)), ..product(&format!("{name} text")) };
        insert_products(db.store(), &[&by_name, &by_text]).await;
        db.insert_task(Task { description: Some(text.to_owned()), ..task(&format!("{name} text")) }, stamp())
            .await
            .unwrap();
        db.insert_user(&User { name: text.to_owned(), ..user(&format!("person{number}")) }, None).await.unwrap();
    }
    for (text, names) in SEARCHES {
        for search in [text.to_owned(), nfd(text)] {
            let search = Some(SearchTerms::parse(&search).unwrap());
            let expected: Vec<String> =
                names.iter().flat_map(|name| [format!("{name} text"), format!("{name} title")]).collect();
            let filter = ProductFilter { search: search.clone(), ..ProductFilter::default() };
            assert_eq!(found::<Product>(db, filter, ProductSort::Price, |one| one.sku).await, expected, "{text:?}");
            let filter = TaskFilter { search: search.clone(), ..TaskFilter::default() };
            let titles: Vec<String> = names.iter().map(|name| format!("{name} text")).collect();
            assert_eq!(found::<Task>(db, filter, TaskSort::Priority, |one| one.title).await, titles, "{text:?}");
            let filter = UserFilter { search, ..UserFilter::default() };
            let people: Vec<String> =
                CORPUS.iter().filter(|(name, _)| names.contains(name)).map(|(_, text)| (*text).to_owned()).collect();
            let people: BTreeSet<String> = people.into_iter().collect();
            let found: BTreeSet<String> =
                found::<User>(db, filter, UserSort::Name, |one| one.name).await.into_iter().collect();
            assert_eq!(found, people, "{text:?}");
        }
    }
}

/// The text with its accents as characters of their own, as some keyboards and file systems write it.
fn nfd(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfd().collect()
}

/// What the search finds, sorted; the number of rows agrees.
async fn found<T: Listed>(db: &Db, filter: T::Filter, field: T::Sort, name: impl Fn(T) -> String) -> Vec<String> {
    let page = page::<T>(db, &filter, Sort { field, direction: Direction::Asc }, Slice::first(1000)).await;
    assert_eq!(T::count(db.store(), &[filter]).await, [page.edges.len() as u64]);
    let mut names: Vec<String> = page.edges.into_iter().map(|edge| name(edge.node)).collect();
    names.sort();
    names
}

/// The score of a product is the number of terms in its title, plus their share of the title's words.
pub async fn relevance_is_the_same_number_on_each_engine(db: &Db) {
    for (sku, name, description) in [
        ("A", "red lamp", "lamp of red glass"),
        ("B", "lamp", "red"),
        ("C", "a very long name of a red glass lamp", ""),
        ("D", "東京のランプ", "red lamp"),
        ("E", "chair", "red lamp"),
    ] {
        let one = Product { name: name.into(), description: Some(description.into()), ..product(sku) };
        insert_products(db.store(), &[&one]).await;
    }
    // The SKU counts as a word of the title.
    let expected = [("A", 2.0 + 2.0 / 3.0), ("C", 2.0 + 2.0 / 9.0), ("B", 1.5), ("D", 0.0), ("E", 0.0)];
    let filter = ProductFilter { search: SearchTerms::parse("red LAMP").ok(), ..ProductFilter::default() };
    let sort = Sort { field: ProductSort::Relevance, direction: Direction::Desc };
    let page = page::<Product>(db, &filter, sort, Slice::first(100)).await;
    let mut found: Vec<(String, SortKey)> =
        page.edges.into_iter().map(|edge| (edge.node.sku, edge.position.key)).collect();
    found[3..].sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, expected.map(|(sku, score): (&str, f64)| (sku.to_owned(), SortKey::Score(score.to_bits()))));
}

/// Rows with names that are longer than any name from outside are paged like others.
pub async fn lists_by_name_page_past_names_of_any_length(db: &Db) {
    let long =
        |letter: &str, count: usize| Product { name: letter.repeat(count), ..product(&format!("{letter} {count}")) };
    let products =
        [long("a", 5), long("é", 4_000), long("é", 4_001), long("😀", 4_000), long("İ", 200), long("z", 100_000)];
    db.import_products(&products).await.unwrap();
    let sort = Sort { field: ProductSort::Name, direction: Direction::Asc };
    let (mut after, mut skus) = (None, BTreeSet::new());
    for _ in &products {
        let slice = Slice { after: after.take(), ..Slice::first(1) };
        let page = page::<Product>(db, &ProductFilter::default(), sort, slice).await;
        let edge = page.edges.into_iter().next().unwrap();
        let SortKey::Text(key) = &edge.position.key else { panic!("{:?}", edge.position) };
        assert!(key.len() <= 1600, "{}", key.len());
        after = Some(edge.position);
        skus.insert(edge.node.sku);
    }
    assert_eq!(skus, products.into_iter().map(|product| product.sku).collect());
}
