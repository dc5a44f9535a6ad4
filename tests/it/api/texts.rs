//! One text in several spellings is one value, and lists and searches work whatever texts are stored.

use orderwire::domain::{Product, ProductId, SearchTerms, UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::{
    api::{PASSWORD, TestApi},
    data::{NOW, product, user},
};

on_each_engine! {
    spellings_of_an_address_are_one_account
    an_account_is_found_by_the_address_that_an_older_version_stored
    a_password_is_the_same_however_it_is_typed
    spellings_of_a_sku_are_one_product
    spellings_of_a_label_or_region_are_one_value
    a_search_without_words_finds_nothing
    a_search_of_too_many_words_is_refused
    a_list_goes_on_after_a_row_with_a_long_name
}

const REGISTER: &str = "mutation ($input: RegisterInput!) { register(input: $input) {
    session { user { email } } userErrors { code field } } }";
const LOGIN: &str = "mutation ($input: LoginInput!) { login(input: $input) {
    session { user { name } } userErrors { code } } }";

async fn register(api: &TestApi, email: &str, password: &str) -> Value {
    let input = json!({ "email": email, "password": password, "name": "Ada" });
    api.data(Viewer::Anonymous, REGISTER, json!({ "input": input })).await["register"].clone()
}

async fn signs_in(api: &TestApi, email: &str, password: &str) -> bool {
    let input = json!({ "email": email, "password": password });
    api.data(Viewer::Anonymous, LOGIN, json!({ "input": input })).await["login"]["session"] != Value::Null
}

const SPELLINGS: [&str; 5] =
    ["jü@ex.com", "ju\u{308}@ex.com", "JÜ@EX.com", "\u{feff}jü@ex.com\u{200b} ", "jü@ｅｘ.com"];

async fn spellings_of_an_address_are_one_account(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let made = register(&api, SPELLINGS[1], PASSWORD).await;
    assert_eq!(made["session"]["user"]["email"], SPELLINGS[0]);
    for spelling in SPELLINGS {
        let conflict = json!({ "session": null, "userErrors": [{ "code": "CONFLICT", "field": ["email"] }] });
        assert_eq!(register(&api, spelling, PASSWORD).await, conflict, "{spelling:?}");
        assert!(signs_in(&api, spelling, PASSWORD).await, "{spelling:?}");
        let found = api.service.user_by_email(&staff, spelling).await.unwrap();
        assert_eq!(found.map(|user| user.name).as_deref(), Some("Ada"), "{spelling:?}");
    }
    for bad in ["j\u{200b}ü@ex.com", "j\u{ad}@ex.com", "🎁@ex.com"] {
        let refused = json!({ "session": null, "userErrors": [{ "code": "INVALID_INPUT", "field": ["email"] }] });
        assert_eq!(register(&api, bad, PASSWORD).await, refused, "{bad:?}");
    }
}

async fn an_account_is_found_by_the_address_that_an_older_version_stored(api: TestApi) {
    let known = api.new_user("known", UserRole::Customer).await;
    let hash = api.store.credentials_by_id(known.id).await.unwrap().unwrap().password_hash;
    for (name, stored) in
        [("decomposed", "ju\u{308}@ex.com"), ("hidden", "x@ex.com\u{200b}"), ("space", "a\u{200b}b@ex.com")]
    {
        let old = orderwire::domain::User { email: Some(stored.to_owned()), ..user(name) };
        api.store.insert_user(&old, hash.as_deref()).await.unwrap();
        assert!(signs_in(&api, stored, PASSWORD).await, "{stored:?}");
    }
}

async fn a_password_is_the_same_however_it_is_typed(api: TestApi) {
    register(&api, "ada@ex.com", "schlu\u{308}ssel\u{a0}1").await;
    for (password, right) in
        [("schlüssel 1", true), ("schlu\u{308}ssel 1", true), ("schlussel 1", false), ("Schlüssel 1", false)]
    {
        assert_eq!(signs_in(&api, "ada@ex.com", password).await, right, "{password:?}");
    }
}

async fn spellings_of_a_sku_are_one_product(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    api.product(staff, json!({ "sku": " KO\u{308}-1\u{200b}", "name": "K", "price": "1" })).await;
    let create = "mutation ($sku: String!) { createProduct(input: { sku: $sku, name: \"K\", price: \"1\" }) {
        userErrors { code field } } }";
    let find = "query ($sku: String!) { productBySku(sku: $sku) { sku }
        products(filter: { skus: [$sku] }) { nodes { sku } } }";
    for sku in ["KÖ-1", "KO\u{308}-1", " KÖ-1\u{200b} "] {
        let again = api.data(staff, create, json!({ "sku": sku })).await["createProduct"]["userErrors"].clone();
        assert_eq!(again, json!([{ "code": "CONFLICT", "field": ["sku"] }]), "{sku:?}");
        let found = api.data(staff, find, json!({ "sku": sku })).await;
        let one = json!({ "sku": "KÖ-1" });
        assert_eq!(found, json!({ "productBySku": one, "products": { "nodes": [one] } }), "{sku:?}");
    }
    let refused = api.data(staff, create, json!({ "sku": "K\u{200b}1" })).await["createProduct"]["userErrors"].clone();
    assert_eq!(refused, json!([{ "code": "INVALID_INPUT", "field": ["sku"] }]));
    let old = Product { sku: "O\u{308}LD ".to_owned(), ..product("old") };
    api.store.import_products(&[old]).await.unwrap();
    let found = api.data(staff, find, json!({ "sku": "O\u{308}LD " })).await;
    assert_eq!(found["productBySku"]["sku"], "O\u{308}LD ", "as an older version stored it");
}

async fn spellings_of_a_label_or_region_are_one_value(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let tags = json!(["Gru\u{308}n", " Grün "]);
    let id = api.product(staff, json!({ "sku": "G", "name": "G", "price": "1", "stock": 1, "tags": tags })).await;
    let place = "mutation ($id: ID!, $region: String!) { placeOrder(input: {
        items: [{ productId: $id, quantity: 1 }], region: $region, idempotencyKey: \"k\" }) { order { region } } }";
    api.data(staff, place, json!({ "id": id, "region": " O\u{308}sterreich" })).await;
    let lists = "query ($tag: String!, $region: String!) { products(filter: { tag: $tag }) { nodes { tags } }
        orders(filter: { region: $region }) { nodes { region } } }";
    for (tag, region) in [("Grün", "Österreich"), (" Gru\u{308}n", "O\u{308}sterreich ")] {
        let found = api.data(staff, lists, json!({ "tag": tag, "region": region })).await;
        assert_eq!(found["products"]["nodes"], json!([{ "tags": ["Grün"] }]), "{tag:?}");
        assert_eq!(found["orders"]["nodes"], json!([{ "region": "Österreich" }]), "{region:?}");
    }
}

const COUNTS: &str = "query ($words: String!) { products(filter: { search: $words }) { totalCount nodes { sku } }
    tasks(filter: { search: $words }) { totalCount nodes { id } }
    users(filter: { search: $words }) { totalCount nodes { id } } }";

async fn a_search_without_words_finds_nothing(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    api.product(staff, json!({ "sku": "A", "name": "🎁 *** present", "price": "1" })).await;
    api.data(staff, "mutation { createTask(input: { title: \"🎁 ***\" }) { userErrors { code } } }", json!({})).await;
    let nothing = json!({ "totalCount": 0, "nodes": [] });
    for words in ["🎁", "***", "\u{200b}", "\0", "\"\" -"] {
        let found = api.data(staff, COUNTS, json!({ "words": words })).await;
        assert_eq!(found, json!({ "products": nothing, "tasks": nothing, "users": nothing }), "{words:?}");
    }
    for blank in ["", " \n"] {
        let found = api.data(staff, COUNTS, json!({ "words": blank })).await;
        let counts = ["products", "tasks", "users"].map(|list| found[list]["totalCount"].clone());
        assert_eq!(counts, [1, 1, 1], "a blank search is no condition");
    }
}

async fn a_search_of_too_many_words_is_refused(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let words = |count: usize| (0..count).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let all = words(SearchTerms::MAX_TERMS);
    api.product(staff, json!({ "sku": "A", "name": "A", "price": "1", "description": all })).await;
    let found = api.data(staff, COUNTS, json!({ "words": format!("{all} {all}") })).await;
    assert_eq!(found["products"]["totalCount"], 1, "a word counts once");
    let response = api.response(staff, COUNTS, json!({ "words": words(SearchTerms::MAX_TERMS + 1) })).await;
    assert_eq!(crate::support::api::error_codes(&response), ["BAD_USER_INPUT"; 3]);
    assert!(response.errors[0].message.starts_with("filter.search: has more than 16 words"), "{:?}", response.errors);
}

async fn a_list_goes_on_after_a_row_with_a_long_name(api: TestApi) {
    let long = |letter: &str| Product {
        id: ProductId::derived(NOW, "test", letter),
        name: letter.repeat(4_000),
        ..product(letter)
    };
    api.store.import_products(&["a", "é", "한", "😀"].map(long)).await.unwrap();
    let page = "query ($after: String) { products(first: 1, after: $after, orderBy: { field: NAME, direction: ASC }) {
        edges { cursor node { sku } } pageInfo { hasNextPage } } }";
    let (mut after, mut skus) = (Value::Null, Vec::new());
    for _ in 0..4 {
        let found = api.data(Viewer::System, page, json!({ "after": after })).await["products"].clone();
        after = found["edges"][0]["cursor"].clone();
        assert!(after.as_str().unwrap().len() < 2200);
        skus.push(found["edges"][0]["node"]["sku"].as_str().unwrap().to_owned());
        assert_eq!(found["pageInfo"]["hasNextPage"], skus.len() < 4);
    }
    assert_eq!(skus, ["a", "é", "한", "😀"]);
}
