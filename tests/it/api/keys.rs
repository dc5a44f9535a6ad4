//! API keys: what each scope allows, whose they are, and what is no key.

use std::{collections::BTreeMap, time::Duration};

use orderwire::domain::{Clock, Scope, SystemClock, UserRole, Viewer};
use serde_json::{Value, json};

use super::access::{Needed, OPERATIONS, all_variables, patience, run, shop};
use crate::support::{
    api::{TestApi, error_codes},
    wait_until,
};

on_each_engine! {
    every_operation_is_checked_for_every_scope
    every_private_field_is_checked_for_every_scope
    what_is_no_current_key_opens_nothing_and_changes_nothing
    a_key_does_what_its_creator_may_do
    a_key_writes_in_the_name_of_its_creator
    a_key_sees_of_an_event_what_its_scopes_show
    keys_are_listed_in_pages_without_their_secrets
    bad_input_makes_no_key
}

const CREATE: &str = "mutation ($name: String!, $scopes: [Scope!]!, $expiresAt: DateTime) {
    createApiKey(input: { name: $name, scopes: $scopes, expiresAt: $expiresAt }) {
        apiKey { id name prefix scopes createdBy { name } lastUsedAt expiresAt } secret userErrors { code field } } }";
const REVOKE: &str =
    "mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } userErrors { code field } } }";
const KEYS: &str = "{ apiKeys { totalCount nodes { id name prefix scopes createdBy { name } lastUsedAt expiresAt } } }";

fn names(scopes: &[Scope]) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.as_str()).collect()
}

/// Makes a key and returns it with its secret.
async fn create(api: &TestApi, admin: Viewer, scopes: &[Scope]) -> (Value, String) {
    let made = api.data(admin, CREATE, json!({ "name": "Shipping", "scopes": names(scopes) })).await;
    let made = &made["createApiKey"];
    assert_eq!(made["userErrors"], json!([]));
    (made["apiKey"].clone(), made["secret"].as_str().unwrap().to_owned())
}

/// Makes a key and returns its viewer.
async fn viewer(api: &TestApi, admin: Viewer, scopes: &[Scope]) -> Viewer {
    let (_, secret) = create(api, admin, scopes).await;
    api.authenticate(&secret).await.unwrap()
}

async fn every_operation_is_checked_for_every_scope(api: TestApi) {
    let mut shop = shop(&api).await;
    let admin = shop.viewers[4];
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        keys.push((vec![scope], viewer(&api, admin, &[scope]).await));
    }
    keys.push((Scope::ALL.to_vec(), viewer(&api, admin, &Scope::ALL).await));
    let mut surprises = Vec::new();
    let unchanged = shop.variables(&api, "unchanged", &all_variables()).await;
    for (row, (root, selection, _, (needed, with, without))) in OPERATIONS.iter().enumerate() {
        for (column, (scopes, viewer)) in keys.iter().enumerate() {
            let has_them = match needed {
                Needed::None => false,
                Needed::One(scope) => scopes.contains(scope),
                Needed::Several => scopes.len() > 1,
            };
            let expected = if has_them { with } else { without };
            let variables = match root.split_once('.') {
                // What is refused changes nothing that the next call needs. What several scopes decide is about what is there.
                Some(("Mutation", _)) if *expected != "FORBIDDEN" || matches!(needed, Needed::Several) => {
                    shop.sign_in_again(&api).await;
                    shop.variables(&api, &format!("{row}-{column}"), selection).await
                }
                _ => unchanged.clone(),
            };
            let actual = run(&api, *viewer, root, selection, variables, patience(expected)).await;
            if actual != *expected {
                surprises.push(format!("{selection} with {scopes:?}: {actual} instead of {expected}"));
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

/// Columns: a key that reads tasks, and one that reads all.
async fn every_private_field_is_checked_for_every_scope(api: TestApi) {
    let shop = shop(&api).await;
    let admin = shop.viewers[4];
    let variables = shop.variables(&api, "fields", "$task $number").await;
    let tasks = viewer(&api, admin, &[Scope::ReadTasks]).await;
    let all = viewer(&api, admin, &[Scope::ReadTasks, Scope::ReadUsers, Scope::ReadOrders]).await;
    let read = async |viewer: Viewer, fields: &str| {
        let document = format!("query ($task: ID!) {{ task(id: $task) {{ {fields} }} }}");
        let response = api.response(viewer, &document, json!({ "task": variables["task"] })).await;
        (error_codes(&response), response.data.into_json().unwrap())
    };
    let person = "createdBy { name email region } order { number }";
    let (codes, found) = read(tasks, person).await;
    assert_eq!(codes, [""; 0]);
    assert_eq!(
        found["task"],
        json!({ "createdBy": { "name": "owner", "email": null, "region": null }, "order": null })
    );
    let (codes, found) = read(all, person).await;
    assert_eq!(codes, [""; 0]);
    let owner = json!({ "name": "owner", "email": "owner@example.com", "region": "United Kingdom" });
    assert_eq!(found["task"], json!({ "createdBy": owner, "order": { "number": variables["number"] } }));
    for (list, scope) in
        [("createdBy { orders { totalCount } }", "ReadOrders"), ("order { tasks { totalCount } }", "ReadTasks")]
    {
        assert_eq!(read(all, list).await.0, [""; 0], "{scope}");
    }
    assert_eq!(read(tasks, "createdBy { orders { totalCount } }").await.0, ["FORBIDDEN"]);
}

async fn what_is_no_current_key_opens_nothing_and_changes_nothing(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let (kept, secret) = create(&api, admin, &Scope::ALL).await;
    let (revoked, revoked_secret) = create(&api, admin, &Scope::ALL).await;
    let soon = SystemClock.now().plus(Duration::from_millis(1500)).to_string();
    let expiring = api.data(admin, CREATE, json!({ "name": "E", "scopes": ["READ_TASKS"], "expiresAt": soon })).await;
    let expiring_secret = expiring["createApiKey"]["secret"].as_str().unwrap().to_owned();
    for secret in [&secret, &revoked_secret, &expiring_secret] {
        assert!(matches!(api.authenticate(secret).await, Ok(Viewer::Key { .. })));
    }
    let gone = api.data(admin, REVOKE, json!({ "id": revoked["id"] })).await;
    assert_eq!(gone["revokeApiKey"], json!({ "apiKey": { "id": revoked["id"] }, "userErrors": [] }));
    let again = api.data(admin, REVOKE, json!({ "id": revoked["id"] })).await;
    let missing = json!([{ "code": "NOT_FOUND", "field": ["id"] }]);
    assert_eq!(again["revokeApiKey"], json!({ "apiKey": null, "userErrors": missing }));
    wait_until("the key has expired", Duration::from_secs(30), async || {
        api.authenticate(&expiring_secret).await.is_err()
    })
    .await;

    let before = api.data(admin, KEYS, json!({})).await;
    let random = || format!("owk_{}", hex::encode(rand::random::<[u8; 20]>()));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut bad = vec![
        revoked_secret,
        expiring_secret,
        text(&kept["id"]),
        text(&kept["prefix"]),
        secret[4..].to_owned(),
        secret[..secret.len() - 1].to_owned(),
        format!("{secret}A"),
        secret.replacen("owk_", "OWK_", 1),
        secret.replacen("owk_", "owr_", 1),
        "owk_".to_owned(),
        format!("owk_{}", "\u{0}".repeat(40)),
        format!("owk_{}", "A".repeat(100_000)),
    ];
    bad.extend((0..20).map(|_| random()));
    let bad_token = api.authenticate("not.a.token").await;
    assert_eq!(bad_token, Err("UNAUTHENTICATED".to_owned()));
    for bad in bad {
        assert_eq!(api.authenticate(&bad).await, bad_token, "{bad:.60}");
    }
    assert_eq!(api.data(admin, KEYS, json!({})).await, before);
    assert!(api.authenticate(&secret).await.is_ok());
}

async fn a_key_does_what_its_creator_may_do(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let other = api.viewer("other", UserRole::Admin).await;
    let (_, secret) = create(&api, admin, &Scope::ALL).await;
    let set_role = "mutation ($user: ID!, $role: UserRole!) {
        updateUserRole(input: { userId: $user, role: $role }) { userErrors { code } } }";
    let mut scopes = BTreeMap::new();
    for role in ["ADMIN", "STAFF", "CUSTOMER", "STAFF"] {
        let user = admin.user_id().unwrap().to_string();
        api.data(other, set_role, json!({ "user": user, "role": role })).await;
        scopes.insert(
            role,
            match api.authenticate(&secret).await {
                Ok(Viewer::Key { scopes, .. }) => Ok(scopes.iter().collect::<Vec<_>>()),
                Ok(other) => panic!("{other:?}"),
                Err(code) => Err(code),
            },
        );
    }
    let of_staff: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| *scope != Scope::ManageWebhooks).collect();
    assert_eq!(scopes["ADMIN"], Ok(Scope::ALL.to_vec()));
    assert_eq!(scopes["STAFF"], Ok(of_staff));
    assert_eq!(scopes["CUSTOMER"], Err("UNAUTHENTICATED".to_owned()));
    let delete = "mutation ($user: ID!) { deleteUser(input: { userId: $user }) { userErrors { code } } }";
    api.data(other, delete, json!({ "user": admin.user_id().unwrap().to_string() })).await;
    assert_eq!(api.authenticate(&secret).await, Err("UNAUTHENTICATED".to_owned()));
}

async fn a_key_writes_in_the_name_of_its_creator(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let product = api.product(admin, json!({ "sku": "lamp", "name": "Lamp", "price": "1", "stock": 10 })).await;
    let [one, another] = [
        viewer(&api, admin, &[Scope::WriteOrders, Scope::WriteTasks]).await,
        viewer(&api, admin, &[Scope::WriteOrders]).await,
    ];
    let place = "mutation ($product: ID!) { placeOrder(input: {
        items: [{ productId: $product, quantity: 1 }], idempotencyKey: \"1\" }) {
        replayed order { id customer { name email } history { actor { name } } } userErrors { code } } }";
    let mut orders = Vec::new();
    for (viewer, replayed) in [(one, false), (one, true), (another, false), (admin, false)] {
        let placed = api.data(viewer, place, json!({ "product": product })).await["placeOrder"].clone();
        assert_eq!(placed["replayed"], replayed, "the idempotency keys of an API key are its own");
        assert_eq!(placed["order"]["customer"]["name"], "admin");
        orders.push(placed["order"]["id"].clone());
    }
    assert_eq!(orders[0], orders[1]);
    assert!(orders[0] != orders[2] && orders[2] != orders[3]);
    let create = "mutation { createTask(input: { title: \"T\" }) { task { createdBy { name } } userErrors { code } } }";
    let made = api.data(one, create, json!({})).await;
    assert_eq!(made["createTask"], json!({ "task": { "createdBy": { "name": "admin" } }, "userErrors": [] }));
}

async fn a_key_sees_of_an_event_what_its_scopes_show(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let product = api.product(admin, json!({ "sku": "lamp", "name": "Lamp", "price": "1", "stock": 10 })).await;
    let place = "mutation ($product: ID!) { placeOrder(input: {
        items: [{ productId: $product, quantity: 1 }], idempotencyKey: \"1\" }) { order { id } } }";
    let order = api.data(admin, place, json!({ "product": product })).await["placeOrder"]["order"]["id"].clone();
    let create = "mutation { createTask(input: { title: \"T\" }) { task { id } } }";
    let task = api.data(admin, create, json!({})).await["createTask"]["task"]["id"].clone();
    let archive = "mutation ($id: ID!) { archiveProduct(input: { id: $id }) { product { id } } }";
    api.data(admin, archive, json!({ "id": product })).await;
    let events =
        "query ($id: ID!) { events(filter: { entityId: $id }) { nodes { entityId entity { id } actor { name } } } }";
    for (scopes, shown) in [
        (vec![Scope::ReadEvents], [false; 3]),
        (vec![Scope::ReadEvents, Scope::ReadOrders], [true, false, false]),
        (vec![Scope::ReadEvents, Scope::ReadTasks], [false, true, false]),
        (vec![Scope::ReadEvents, Scope::ReadProducts], [false, false, true]),
        (Scope::ALL.to_vec(), [true; 3]),
    ] {
        let viewer = viewer(&api, admin, &scopes).await;
        for (id, shown) in [&order, &task, &product].into_iter().zip(shown) {
            let found = api.data(viewer, events, json!({ "id": id })).await;
            let last = found["events"]["nodes"].as_array().unwrap().last().unwrap().clone();
            let actor = if scopes.contains(&Scope::ReadUsers) { json!({ "name": "admin" }) } else { Value::Null };
            let entity = if shown { json!({ "id": id }) } else { Value::Null };
            assert_eq!(last, json!({ "entityId": id, "entity": entity, "actor": actor }), "{scopes:?}");
        }
    }
}

async fn keys_are_listed_in_pages_without_their_secrets(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let (mut made, mut secrets) = (Vec::new(), Vec::new());
    for number in 0..5 {
        let (key, secret) = create(&api, admin, &Scope::ALL[number..]).await;
        assert_eq!(secret.len(), 44);
        assert_eq!(key["prefix"].as_str(), secret.get(..10));
        made.insert(0, key);
        secrets.push(secret);
    }
    let listed = api.data(admin, KEYS, json!({})).await;
    assert_eq!(listed["apiKeys"]["totalCount"], 5);
    let ids = |keys: &Value| -> Vec<Value> { keys.as_array().unwrap().iter().map(|key| key["id"].clone()).collect() };
    let mut sorted = [ids(&listed["apiKeys"]["nodes"]), made.iter().map(|key| key["id"].clone()).collect()];
    sorted.iter_mut().for_each(|ids| ids.sort_by_key(|id| id.to_string()));
    assert_eq!(sorted[0], sorted[1]);
    let newest_first = ids(&listed["apiKeys"]["nodes"]);
    for secret in &secrets {
        assert!(!listed.to_string().contains(secret.as_str()));
    }
    let page = "query ($after: String) { apiKeys(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }";
    let (mut walked, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = api.data(admin, page, json!({ "after": after })).await["apiKeys"].clone();
        walked.extend(ids(&page["nodes"]));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(walked, newest_first);

    assert_eq!(listed["apiKeys"]["nodes"][0]["lastUsedAt"], Value::Null);
    for secret in &secrets {
        api.authenticate(secret).await.unwrap();
    }
    wait_until("the uses are noted", Duration::from_secs(30), async || {
        let listed = api.data(admin, KEYS, json!({})).await;
        listed["apiKeys"]["nodes"].as_array().unwrap().iter().all(|key| !key["lastUsedAt"].is_null())
    })
    .await;
    api.all_storage_calls();
    for secret in secrets.iter().chain(&secrets) {
        api.authenticate(secret).await.unwrap();
    }
    let calls = api.all_storage_calls();
    assert!(!calls.contains_key("note_api_key_use") && !calls.contains_key("api_key_by_secret"), "{calls:?}");
}

async fn bad_input_makes_no_key(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    for (input, field) in [
        (json!({ "name": " ", "scopes": ["READ_TASKS"] }), "name"),
        (json!({ "name": "a\nb", "scopes": ["READ_TASKS"] }), "name"),
        (json!({ "name": "x".repeat(201), "scopes": ["READ_TASKS"] }), "name"),
        (json!({ "name": "K", "scopes": [] }), "scopes"),
        (json!({ "name": "K", "scopes": ["READ_TASKS"], "expiresAt": "2020-01-01T00:00:00Z" }), "expiresAt"),
    ] {
        let made = api.data(admin, CREATE, input).await["createApiKey"].clone();
        let errors = json!([{ "code": "INVALID_INPUT", "field": [field] }]);
        assert_eq!(made, json!({ "apiKey": null, "secret": null, "userErrors": errors }));
    }
    let revoked = api.data(admin, REVOKE, json!({ "id": "usr_1" })).await["revokeApiKey"]["userErrors"][0].clone();
    assert_eq!(revoked, json!({ "code": "INVALID_INPUT", "field": ["id"] }));
    assert_eq!(api.data(admin, KEYS, json!({})).await["apiKeys"]["totalCount"], 0);
}
