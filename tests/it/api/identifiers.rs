//! What somebody can do who has one credential or identifier alone: what it is for, and nothing else. Random bytes change
//! nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use orderwire::{
    domain::{Scope, UserRole, Viewer},
    graphql::OperationRequest,
    service::CreateApiKey,
};
use rand::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::api::{PASSWORD, TestApi, error_codes};

on_each_engine! {
    each_credential_and_identifier_does_only_what_it_is_for
    forged_list_cursors_are_refused
    forged_event_cursors_are_refused
}

const WATCH: &str = "subscription { orderUpdates { kind } }";
const REFRESH: &str = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
    session { accessToken refreshToken } userErrors { code } } }";

/// Whether a text opens anything as an access token, a refresh token and a ticket.
async fn opens(api: &TestApi, text: &str) -> [bool; 3] {
    let operation = api.prepare(OperationRequest::new(WATCH)).await.unwrap().hash();
    let access = api.authenticate(text).await.is_ok();
    let refreshed = api.data(Viewer::Anonymous, REFRESH, json!({ "token": text })).await;
    let refresh = !refreshed["refreshSession"]["session"].is_null();
    let ticket = api.service.authenticate_ticket(text, operation, true).await.is_ok();
    [access, refresh, ticket]
}

async fn each_credential_and_identifier_does_only_what_it_is_for(api: TestApi) {
    let user = api.new_user("ada", UserRole::Customer).await;
    let signed_in = api.service.login("ada@example.com", PASSWORD.to_owned(), None).await.unwrap();
    let (viewer, session) = (signed_in.viewer(), signed_in.session);
    let operation = api.prepare(OperationRequest::new(WATCH)).await.unwrap().hash();
    let ticket = api.service.create_stream_ticket(&viewer, operation).unwrap().value;
    let create = "mutation { createTask(input: { title: \"T\" }) { task { id } } }";
    let task = api.data(viewer, create, json!({})).await["createTask"]["task"]["id"].as_str().unwrap().to_owned();
    let page = "{ tasks { edges { cursor } } eventCursor }";
    let page = api.data(viewer, page, json!({})).await;
    let event = api.store.read_log(0, orderwire::domain::LogFilter::ALL, 1).await;
    let event = event.unwrap().events.first().map_or_else(String::new, |event| event.id.to_string());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let stored = async || {
        let user = api.store.users_by_ids(&[user.id]).await.unwrap();
        let now = orderwire::domain::Clock::now(&orderwire::domain::SystemClock);
        (user, api.store.session_users(&[session], now).await.unwrap())
    };
    let before = stored().await;

    let identifiers = [
        ("session id", session.to_string()),
        ("user id", user.id.to_string()),
        ("task id", task),
        ("event id", event),
        ("event cursor", text(&page["eventCursor"])),
        ("list cursor", text(&page["tasks"]["edges"][0]["cursor"])),
        ("hash of an operation", hex::encode(operation)),
        ("e-mail address", "ada@example.com".to_owned()),
    ];
    for (name, text) in &identifiers {
        assert_eq!(opens(&api, text).await, [false; 3], "{name}");
        // In the form of a refresh token, filled with random bytes.
        for id in [session.to_bytes(), user.id.to_bytes()] {
            let filled = [id.to_vec(), rand::random::<[u8; 32]>().to_vec()].concat();
            let forged = format!("owr_{}", BASE64_URL_SAFE_NO_PAD.encode(filled));
            assert_eq!(opens(&api, &forged).await, [false; 3], "{name}");
        }
    }
    for length in [0, 1, 16, 30, 48, 64, 300] {
        let mut bytes = vec![0; length];
        rand::rng().fill(&mut bytes[..]);
        let random = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        for text in
            [random.clone(), format!("owr_{random}"), format!("owk_{random}"), format!("{random}.{random}.{random}")]
        {
            assert_eq!(opens(&api, &text).await, [false; 3], "{text}");
        }
    }
    assert_eq!(stored().await, before, "nothing has changed");

    assert_eq!(opens(&api, &signed_in.access.token).await, [true, false, false], "access token");
    assert_eq!(opens(&api, &ticket).await, [false, false, true], "ticket");
    let other = api.prepare(OperationRequest::new("subscription { taskUpdates { kind } }")).await.unwrap().hash();
    assert!(api.service.authenticate_ticket(&ticket, other, true).await.is_err(), "a ticket is for one operation");
    // The parts of the credentials, read as base64, hold no other credential.
    for credential in [&signed_in.access.token, &ticket] {
        let parts: Vec<String> = credential
            .split('.')
            .filter_map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok())
            .filter_map(|part| serde_json::from_slice::<Value>(&part).ok())
            .flat_map(|claims| claims.as_object().cloned().unwrap_or_default().into_iter())
            .filter_map(|(_, claim)| claim.as_str().map(str::to_owned))
            .collect();
        assert!(!parts.is_empty());
        for part in parts {
            assert_eq!(opens(&api, &part).await, [false; 3], "{part}");
            let id = BASE64_URL_SAFE_NO_PAD.decode(&part).unwrap_or_default();
            let filled: Vec<u8> = id.into_iter().chain(rand::random::<[u8; 32]>()).chain([0; 48]).take(48).collect();
            let forged = format!("owr_{}", BASE64_URL_SAFE_NO_PAD.encode(filled));
            assert_eq!(opens(&api, &forged).await, [false; 3], "{part}");
        }
    }
    assert_eq!(stored().await, before, "nothing has changed");
    assert_eq!(opens(&api, &signed_in.refresh).await, [false, true, false], "refresh token");

    let admin = api.viewer("admin", UserRole::Admin).await;
    let key = CreateApiKey { name: "K".to_owned(), scopes: vec![Scope::ReadTasks], expires_at: None };
    let (key, secret) = api.service.create_api_key(&admin, key).await.unwrap();
    assert_eq!(opens(&api, secret.reveal()).await, [true, false, false], "API key");
    for text in
        [key.id.to_string(), key.id.as_session().to_string(), secret.prefix().to_owned(), hex::encode(secret.hash())]
    {
        assert_eq!(opens(&api, &text).await, [false; 3], "{text}");
        assert_eq!(opens(&api, &format!("owk_{text}")).await, [false; 3], "{text}");
    }
}

/// A list cursor with a good checksum, and a key that its list can't have.
fn forge(tag: [u8; 3], key: &[u8]) -> String {
    let mut body = [&tag[..], &[7; 16], key].concat();
    let sum = Sha256::digest(&body);
    body.extend(&sum[..4]);
    BASE64_URL_SAFE_NO_PAD.encode(body)
}

async fn forged_list_cursors_are_refused(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    api.product(staff, json!({ "sku": "lamp", "name": "Lamp", "price": "1", "stock": 1 })).await;
    let int = |value: i64| [b"i", &value.to_be_bytes()[..]].concat();
    let score = |value: f64| [b"s", &value.to_bits().to_be_bytes()[..]].concat();
    let keys = [
        int(i64::MIN),
        int(-1),
        int(i64::MAX),
        score(0.5),
        score(f64::NAN),
        score(f64::INFINITY),
        score(-0.0),
        b"t".to_vec(),
        b"t\0".to_vec(),
        b"tlamp".to_vec(),
        b"t$gt".to_vec(),
        [b"t".to_vec(), "\u{10ffff}".repeat(200).into_bytes()].concat(),
        b"t\xff".to_vec(),
        b"x".to_vec(),
        Vec::new(),
    ];
    let mut refused = 0;
    for (letter, list, fields) in [
        (b'u', "users", &["CREATED_AT", "NAME"][..]),
        (b'p', "products", &["CREATED_AT", "NAME", "PRICE", "STOCK", "RELEVANCE"]),
        (b'o', "orders", &["PLACED_AT", "TOTAL"]),
        (b't', "tasks", &["CREATED_AT", "DUE_AT", "PRIORITY"]),
    ] {
        for (field, name) in fields.iter().enumerate() {
            for (direction, word) in [(0, "ASC"), (1, "DESC")] {
                for key in &keys {
                    let cursor = forge([letter, u8::try_from(field).unwrap(), direction], key);
                    let filter = if *name == "RELEVANCE" { "filter: { search: \"lamp\" }" } else { "" };
                    for argument in ["after", "before"] {
                        let document = format!(
                            "{{ {list}({filter} {argument}: \"{cursor}\" orderBy: {{ field: {name} direction: {word} }})
                                {{ totalCount edges {{ cursor }} pageInfo {{ hasNextPage hasPreviousPage }} }} }}"
                        );
                        let codes = error_codes(&api.response(staff, &document, json!({})).await);
                        assert!(codes.is_empty() || codes == ["BAD_USER_INPUT"], "{codes:?}: {document}");
                        refused += codes.len();
                    }
                }
            }
        }
    }
    assert!(refused > 300, "{refused} cursors were refused");
}

async fn forged_event_cursors_are_refused(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let create = "mutation { createTask(input: { title: \"T\" }) { task { id } } }";
    api.data(staff, create, json!({})).await;
    let cursor = api.data(staff, "{ eventCursor }", json!({})).await["eventCursor"].as_str().unwrap().to_owned();
    let (log, old) = (&cursor[..9], format!("e{}", &cursor[1..9]));
    for forged in [
        format!("{old}0000000000000000"),
        format!("{old}0000000000000001"),
        format!("{old}{}", "0".repeat(32)),
        format!("{log}7fffffffffffffff"),
        format!("{log}00000000000f0000"),
        format!("{log}{}", "0".repeat(32)),
        format!("{log}{}", "f".repeat(32)),
        format!("{log}0"),
        format!("c00000000{}", &cursor[9..]),
        "e".to_owned(),
        String::new(),
        "\0".to_owned(),
        "f".repeat(1000),
    ] {
        let document = "subscription ($after: EventCursor) { taskUpdates(after: $after) { kind } }";
        let mut stream = api.stream(staff, document, json!({ "after": forged }));
        let codes = error_codes(&crate::support::api::next(&mut stream).await);
        assert!(codes == ["BAD_USER_INPUT"] || codes == ["CURSOR_EXPIRED"], "{forged}: {codes:?}");
    }
}
