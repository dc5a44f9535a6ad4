//! Registering, signing in, refreshing, signing out, changing roles and passwords.

use orderwire::domain::{UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::api::{PASSWORD, TestApi};

on_each_engine! {
    registering_opens_a_session
    wrong_passwords_and_unknown_addresses_get_the_same_error
    a_refresh_token_works_once_and_reuse_ends_the_session
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

async fn a_refresh_token_works_once_and_reuse_ends_the_session(api: TestApi) {
    api.new_user("ada", UserRole::Customer).await;
    let first = login(&api, "ada", PASSWORD).await;
    let refresh = async |token: &Value| {
        api.data(Viewer::Anonymous, REFRESH, json!({ "token": token })).await["refreshSession"].clone()
    };
    let old = &first["session"]["refreshToken"];
    let second = refresh(old).await;
    assert!(api.authenticate(token(&second)).await.is_ok());
    let reused = refresh(old).await;
    assert_eq!(reused["userErrors"][0]["code"], "BAD_CREDENTIALS");
    assert_eq!(api.authenticate(token(&second)).await, Err("UNAUTHENTICATED".to_owned()));
    assert_eq!(refresh(&second["session"]["refreshToken"]).await["userErrors"][0]["code"], "BAD_CREDENTIALS");
    for mangled in [json!(""), json!("owr_"), json!("\0"), json!("x".repeat(10_000))] {
        assert_eq!(refresh(&mangled).await["userErrors"][0]["code"], "BAD_CREDENTIALS");
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
