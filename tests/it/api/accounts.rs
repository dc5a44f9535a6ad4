//! Registering, signing in, refreshing, signing out, changing roles and passwords.

use orderwire::{
    domain::{UserRole, Viewer},
    service::Registration,
    telemetry::metrics::metrics,
};
use serde_json::{Value, json};

use crate::support::api::{PASSWORD, TestApi, error_codes};

on_each_engine! {
    registering_opens_a_session
    wrong_passwords_and_unknown_addresses_get_the_same_error
    a_failed_sign_in_does_the_same_work_whether_or_not_the_address_has_an_account
    a_refresh_token_works_once_and_reuse_ends_the_session
    tabs_that_refresh_at_once_stay_signed_in
    the_id_of_a_session_with_random_bytes_ends_nothing
    mutations_after_the_end_of_a_session_run_as_nobody
    signing_in_after_signing_out_in_one_document_works
    of_two_admins_who_demote_each_other_one_remains
    another_e_mail_address_needs_the_current_password
    signing_out_ends_the_session_at_once
    a_new_password_ends_all_sessions
    a_changed_role_applies_to_tokens_already_issued
    a_deleted_user_is_anonymous_and_signed_out
    admins_cannot_lock_themselves_out
}

const LOGIN: &str =
    "mutation ($email: String!, $password: String!) { login(input: { email: $email, password: $password }) {
    session { accessToken refreshToken expiresAt user { id name email } } userErrors { code message field } } }";
const REFRESH: &str = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
    session { accessToken refreshToken } userErrors { code } } }";

async fn login(api: &TestApi, name: &str, password: &str) -> Value {
    let variables = json!({ "email": format!("{name}@example.com"), "password": password });
    api.data(Viewer::Anonymous, LOGIN, variables).await["login"].clone()
}

fn token(payload: &Value) -> &str {
    payload["session"]["accessToken"].as_str().unwrap()
}

async fn registering_opens_a_session(api: TestApi) {
    let register = "mutation ($email: String!) { register(input: { email: $email, password: \"long enough\", name: \" Ada \", region: \"UK\" }) {
        session { accessToken user { id name email region role orders { totalCount } } } userErrors { code field } } }";
    let first =
        api.data(Viewer::Anonymous, register, json!({ "email": " Ada@Example.com " })).await["register"].clone();
    let user = &first["session"]["user"];
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(
        (&user["name"], &user["role"], &user["orders"]["totalCount"]),
        (&json!("Ada"), &json!("CUSTOMER"), &json!(0))
    );
    let viewer = api.authenticate(token(&first)).await.unwrap();
    assert_eq!(viewer.user_id().unwrap().to_string(), user["id"].as_str().unwrap());

    let again = api.data(Viewer::Anonymous, register, json!({ "email": "ADA@example.com" })).await["register"].clone();
    assert_eq!(again, json!({ "session": null, "userErrors": [{ "code": "CONFLICT", "field": ["email"] }] }));
    let bad = "mutation { register(input: { email: \"nobody\", password: \"short\", name: \"\" }) { userErrors { code field } } }";
    let errors = api.data(Viewer::Anonymous, bad, json!({})).await["register"]["userErrors"].clone();
    let fields: Vec<&Value> = errors.as_array().unwrap().iter().map(|error| &error["field"][0]).collect();
    assert_eq!(fields, ["email", "name", "password"]);
}

async fn wrong_passwords_and_unknown_addresses_get_the_same_error(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let right = login(&api, "ADA", PASSWORD).await;
    assert_eq!(right["session"]["user"]["name"], "ada");
    let [wrong, unknown] = [login(&api, "ada", "wrong password").await, login(&api, "bob", PASSWORD).await];
    assert_eq!(wrong["userErrors"][0]["code"], "BAD_CREDENTIALS");
    assert_eq!(wrong, unknown);
}

async fn refresh(api: &TestApi, token: &Value) -> Value {
    api.data(Viewer::Anonymous, REFRESH, json!({ "token": token })).await["refreshSession"].clone()
}

/// What time could tell is counted: calls of the store, and password hashes.
async fn a_failed_sign_in_does_the_same_work_whether_or_not_the_address_has_an_account(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let gone = api.new_user("gone", UserRole::Customer).await;
    api.service.delete_user(&Viewer::System, gone.id).await.unwrap();
    let without_password = Registration {
        email: "imported@example.com".to_owned(),
        name: "Imported".to_owned(),
        region: None,
        password: None,
    };
    api.service.create_user(&Viewer::System, without_password, UserRole::Customer).await.unwrap();
    for (password, hashes) in [("wrong", 1), ("ｗｒｏｎｇ e\u{301}", 2)] {
        for name in ["ada", "ADA", "nobody", "NOBODY", "gone", "imported"] {
            api.storage_calls();
            let before = metrics().password_hashes.get();
            let answer = login(&api, name, password).await;
            assert_eq!(answer["userErrors"][0]["code"], "BAD_CREDENTIALS", "{name}");
            assert_eq!(metrics().password_hashes.get() - before, hashes, "{name}");
            let (calls, named) = api.storage_calls();
            let expected = orderwire::domain::text::email_spellings(&format!("{name}@example.com")).len() as u64;
            assert_eq!(calls, expected, "{name}: {named}");
        }
    }
}

async fn a_refresh_token_works_once_and_reuse_ends_the_session(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let first = login(&api, "ada", PASSWORD).await;
    let old = &first["session"]["refreshToken"];
    let second = refresh(&api, old).await;
    let third = refresh(&api, &second["session"]["refreshToken"]).await;
    assert!(api.authenticate(token(&third)).await.is_ok());
    assert_eq!(refresh(&api, old).await["userErrors"][0]["code"], "BAD_CREDENTIALS");
    for issued in [&second, &third] {
        assert_eq!(api.authenticate(token(issued)).await, Err("UNAUTHENTICATED".to_owned()));
        assert_eq!(refresh(&api, &issued["session"]["refreshToken"]).await["userErrors"][0]["code"], "BAD_CREDENTIALS");
    }
    for mangled in [json!(""), json!("owr_"), json!("\0"), json!("x".repeat(10_000))] {
        assert_eq!(refresh(&api, &mangled).await["userErrors"][0]["code"], "BAD_CREDENTIALS");
    }
}

async fn tabs_that_refresh_at_once_stay_signed_in(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let mut current = login(&api, "ada", PASSWORD).await["session"]["refreshToken"].clone();
    for _ in 0..3 {
        let answers = futures_util::future::join_all((0..4).map(|_| refresh(&api, &current))).await;
        for answer in &answers {
            assert!(api.authenticate(token(answer)).await.is_ok(), "{answer}");
            assert_eq!(answer["session"]["refreshToken"], answers[0]["session"]["refreshToken"], "one successor");
        }
        current = answers[0]["session"]["refreshToken"].clone();
    }
}

/// A session's id is in each access token, so it is known to more than its owner's device.
async fn the_id_of_a_session_with_random_bytes_ends_nothing(api: TestApi) {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    api.new_user("ada", UserRole::Customer).await;
    let signed_in = login(&api, "ada", PASSWORD).await;
    let Ok(Viewer::User { session, .. }) = api.authenticate(token(&signed_in)).await else { panic!("signed in") };
    for _ in 0..20 {
        let bytes = [session.to_bytes().to_vec(), rand::random::<[u8; 32]>().to_vec()].concat();
        let forged = json!(format!("owr_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)));
        assert_eq!(refresh(&api, &forged).await["userErrors"][0]["code"], "BAD_CREDENTIALS");
    }
    assert!(api.authenticate(token(&signed_in)).await.is_ok());
    assert_eq!(refresh(&api, &signed_in["session"]["refreshToken"]).await["userErrors"], json!([]));
}

/// What comes after the end of the session in one document is done for nobody.
async fn mutations_after_the_end_of_a_session_run_as_nobody(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let task = "createTask(input: { title: \"late\" }) { task { id } userErrors { code } }";
    let password = format!("currentPassword: \"{PASSWORD}\", newPassword: \"{PASSWORD}\"");
    for end in [
        "logout { userErrors { code } }".to_owned(),
        "logoutEverywhere { userErrors { code } }".to_owned(),
        format!("changePassword(input: {{ {password} }}) {{ user {{ email }} userErrors {{ code }} }}"),
    ] {
        let viewer = api.authenticate(token(&login(&api, "ada", PASSWORD).await)).await.unwrap();
        let document = format!("mutation {{ before: {task} end: {end} after: {task} }}");
        let response = api.response(viewer, &document, json!({})).await;
        assert_eq!(error_codes(&response), ["UNAUTHENTICATED"], "{end}");
        let errors: Vec<_> = response.errors.iter().map(|error| format!("{:?}", error.path)).collect();
        assert!(errors[0].contains("after"), "{errors:?}");
    }
    let all = api.data(api.viewer("staff", UserRole::Staff).await, "{ tasks { totalCount } }", json!({})).await;
    assert_eq!(all["tasks"]["totalCount"], 3, "only what came before");
}

/// Signing in within the document makes the rest run as that user.
async fn signing_in_after_signing_out_in_one_document_works(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let viewer = api.authenticate(token(&login(&api, "ada", PASSWORD).await)).await.unwrap();
    let document = format!(
        "mutation {{ logout {{ userErrors {{ code }} }}
            login(input: {{ email: \"ada@example.com\", password: \"{PASSWORD}\" }}) {{ session {{ user {{ name }} }} }}
            createTask(input: {{ title: \"new\" }}) {{ task {{ title createdBy {{ name }} }} }} }}"
    );
    let data = api.data(viewer, &document, json!({})).await;
    assert_eq!(data["createTask"]["task"], json!({ "title": "new", "createdBy": { "name": "ada" } }));
}

async fn another_e_mail_address_needs_the_current_password(api: TestApi) {
    api.new_user("ben", UserRole::Customer).await;
    let ada = api.viewer("ada", UserRole::Customer).await;
    let change = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) {
        user { email name version } userErrors { code field } } }";
    let update = async |input: Value| api.data(ada, change, json!({ "input": input })).await["updateProfile"].clone();
    let refused = |code: &str, field: &str| json!({ "user": null, "userErrors": [{ "code": code, "field": [field] }] });
    let new = "new@example.com";
    assert_eq!(update(json!({ "email": new })).await, refused("INVALID_INPUT", "currentPassword"));
    let wrong = json!({ "email": new, "name": "A", "currentPassword": "a wrong password" });
    assert_eq!(update(wrong).await, refused("BAD_CREDENTIALS", "currentPassword"));
    let taken = json!({ "email": "Ben@example.com", "currentPassword": PASSWORD });
    assert_eq!(update(taken).await, refused("CONFLICT", "email"));
    let same = update(json!({ "email": " ADA@example.com", "name": "Ada" })).await;
    assert_eq!(same["user"], json!({ "email": "ada@example.com", "name": "Ada", "version": 2 }), "the same address");
    let changed = update(json!({ "email": " New@Example.com ", "name": "A", "currentPassword": PASSWORD })).await;
    assert_eq!(changed["user"], json!({ "email": new, "name": "A", "version": 3 }));
    assert_ne!(login(&api, "new", PASSWORD).await["session"], Value::Null);
}

async fn of_two_admins_who_demote_each_other_one_remains(api: TestApi) {
    let demote = "mutation ($id: ID!) { updateUserRole(input: { userId: $id, role: CUSTOMER }) { user { role } userErrors { code } } }";
    for round in 0..6 {
        let [a, b] = [format!("a{round}"), format!("b{round}")];
        let [a, b] = [api.new_user(&a, UserRole::Admin).await, api.new_user(&b, UserRole::Admin).await];
        let viewers = [api.viewer_of(&a).await, api.viewer_of(&b).await];
        let [first, second] = [(viewers[0], &b), (viewers[1], &a)]
            .map(|(actor, target)| api.response(actor, demote, json!({ "id": target.id.to_string() })));
        let (first, second) = tokio::join!(first, second);
        let refused: Vec<String> = [&first, &second].into_iter().flat_map(error_codes).collect();
        assert_eq!(refused, ["FORBIDDEN"], "round {round}: one of them comes too late");
    }
}

async fn signing_out_ends_the_session_at_once(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let [first, second, third] =
        [login(&api, "ada", PASSWORD).await, login(&api, "ada", PASSWORD).await, login(&api, "ada", PASSWORD).await];
    let viewer = api.authenticate(token(&first)).await.unwrap();
    api.authenticate(token(&second)).await.unwrap();
    api.data(viewer, "mutation { logout { userErrors { code } } }", json!({})).await;
    assert_eq!(api.authenticate(token(&first)).await, Err("UNAUTHENTICATED".to_owned()));
    let viewer = api.authenticate(token(&second)).await.unwrap();
    api.data(viewer, "mutation { logoutEverywhere { userErrors { code } } }", json!({})).await;
    for ended in [&second, &third] {
        assert_eq!(api.authenticate(token(ended)).await, Err("UNAUTHENTICATED".to_owned()));
    }
    for bad in ["", "x", "a.b.c", "\u{fc}"] {
        assert_eq!(api.authenticate(bad).await, Err("UNAUTHENTICATED".to_owned()));
    }
}

async fn a_new_password_ends_all_sessions(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let session = login(&api, "ada", PASSWORD).await;
    let viewer = api.authenticate(token(&session)).await.unwrap();
    let change = "mutation ($old: String!, $new: String!) { changePassword(input: { currentPassword: $old, newPassword: $new }) { user { id } userErrors { code field } } }";
    let wrong = api.data(viewer, change, json!({ "old": "not it at all", "new": "another password" })).await;
    assert_eq!(
        wrong["changePassword"]["userErrors"],
        json!([{ "code": "BAD_CREDENTIALS", "field": ["currentPassword"] }])
    );
    let short = api.data(viewer, change, json!({ "old": PASSWORD, "new": "short" })).await;
    assert_eq!(short["changePassword"]["userErrors"][0]["field"], json!(["newPassword"]));
    let right = api.data(viewer, change, json!({ "old": PASSWORD, "new": "another password" })).await;
    assert_eq!(right["changePassword"]["userErrors"], json!([]));
    assert_eq!(api.authenticate(token(&session)).await, Err("UNAUTHENTICATED".to_owned()));
    assert_eq!(login(&api, "ada", PASSWORD).await["session"], Value::Null);
    assert_ne!(login(&api, "ada", "another password").await["session"], Value::Null);
}

async fn a_changed_role_applies_to_tokens_already_issued(api: TestApi) {
    let user = api.new_user("ada", UserRole::Customer).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let session = login(&api, "ada", PASSWORD).await;
    assert!(!api.authenticate(token(&session)).await.unwrap().is_staff());
    let promote =
        "mutation ($id: ID!) { updateUserRole(input: { userId: $id, role: STAFF }) { user { role version } } }";
    let promoted = api.data(admin, promote, json!({ "id": user.id.to_string() })).await;
    assert_eq!(promoted["updateUserRole"]["user"], json!({ "role": "STAFF", "version": 2 }));
    assert!(api.authenticate(token(&session)).await.unwrap().is_staff());
}

async fn a_deleted_user_is_anonymous_and_signed_out(api: TestApi) {
    let user = api.new_user("ada", UserRole::Customer).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let session = login(&api, "ada", PASSWORD).await;
    let delete =
        "mutation ($id: ID!) { deleteUser(input: { userId: $id }) { user { name email } userErrors { code } } }";
    let id = json!({ "id": user.id.to_string() });
    let deleted = api.data(admin, delete, id.clone()).await["deleteUser"].clone();
    assert_eq!(deleted["user"], json!({ "name": "Deleted user", "email": null }));
    assert_eq!(api.authenticate(token(&session)).await, Err("UNAUTHENTICATED".to_owned()));
    assert_eq!(login(&api, "ada", PASSWORD).await["session"], Value::Null);
    let again = api.data(admin, delete, id).await["deleteUser"].clone();
    assert_eq!(again["userErrors"], json!([{ "code": "NOT_FOUND" }]));
}

async fn admins_cannot_lock_themselves_out(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let id = json!({ "id": admin.user_id().unwrap().to_string() });
    for (field, mutation) in [
        (
            "updateUserRole",
            "mutation ($id: ID!) { updateUserRole(input: { userId: $id, role: STAFF }) { userErrors { code } } }",
        ),
        ("deleteUser", "mutation ($id: ID!) { deleteUser(input: { userId: $id }) { userErrors { code } } }"),
    ] {
        assert_eq!(
            api.data(admin, mutation, id.clone()).await[field]["userErrors"],
            json!([{ "code": "INVALID_INPUT" }])
        );
    }
}
