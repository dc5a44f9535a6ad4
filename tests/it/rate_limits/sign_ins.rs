//! Limits of signing in, and of what else tells whether a password is right or an address has an account.

use reqwest::StatusCode;

use super::{ANN, BEN, PASSWORD, Server, config, limit};

#[tokio::test]
async fn wrong_passwords_are_limited_per_account_and_right_ones_are_not() {
    let mut config = config();
    config.rate_limits.sign_ins_per_account = limit(3);
    let server = Server::start(&config).await;
    server.register("ann").await;
    server.register("ben").await;
    for _ in 0..5 {
        assert_eq!(server.login(ANN, "ann@example.com", PASSWORD).await, "OK");
    }
    for email in ["ann@example.com", " Ann@Example.com", "ann@EXAMPLE.com"] {
        assert_eq!(server.login(ANN, email, "a wrong password").await, "BAD_CREDENTIALS");
    }
    assert_eq!(server.login(BEN, "ann@example.com", PASSWORD).await, "RATE_LIMITED", "from wherever");
    assert_eq!(server.login(ANN, "ben@example.com", PASSWORD).await, "OK", "another account");
    for attempt in 0..4 {
        let code = if attempt < 3 { "BAD_CREDENTIALS" } else { "RATE_LIMITED" };
        assert_eq!(server.login(ANN, "nobody@example.com", PASSWORD).await, code, "as if there were one");
    }
    server.stop().await;
}

#[tokio::test]
async fn changing_a_password_is_limited_like_signing_in() {
    let mut config = config();
    config.rate_limits.sign_ins_per_account = limit(3);
    let server = Server::start(&config).await;
    let token = server.register("ann").await;
    let change = r#"mutation { changePassword(input: { currentPassword: "a wrong password", newPassword: "another good one" }) { userErrors { code } } }"#;
    for attempt in 0..4 {
        let (_, answer) = server.ask(ANN, Some(&token), change).await;
        let limited = answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED";
        assert_eq!(limited, attempt == 3, "{answer}");
    }
    assert_eq!(server.login(ANN, "ann@example.com", PASSWORD).await, "RATE_LIMITED");
    server.stop().await;
}

/// A conflict tells that an address has an account.
#[tokio::test]
async fn trying_the_addresses_of_others_is_limited() {
    let mut config = config();
    config.rate_limits.sign_ins_per_account = limit(3);
    let server = Server::start(&config).await;
    let token = server.register("ann").await;
    server.register("ben").await;
    let change = async |email: &str| {
        let input = format!(r#"{{ email: "{email}", currentPassword: "{PASSWORD}" }}"#);
        let change = format!("mutation {{ updateProfile(input: {input}) {{ user {{ id }} userErrors {{ code }} }} }}");
        let (_, answer) = server.ask(ANN, Some(&token), &change).await;
        let refused = answer["data"]["updateProfile"]["userErrors"][0]["code"].as_str().map(str::to_owned);
        refused.or_else(|| answer["errors"][0]["extensions"]["code"].as_str().map(str::to_owned))
    };
    for email in ["ann1@example.com", "ann2@example.com", "ann3@example.com", "ann4@example.com"] {
        assert_eq!(change(email).await, None, "a free address costs nothing");
    }
    for _ in 0..3 {
        assert_eq!(change("ben@example.com").await.as_deref(), Some("CONFLICT"));
    }
    assert_eq!(change("ben@example.com").await.as_deref(), Some("RATE_LIMITED"));
    assert_eq!(change("free@example.com").await.as_deref(), Some("RATE_LIMITED"), "whether it is free or not");
    server.stop().await;
}

#[tokio::test]
async fn wrong_passwords_and_new_accounts_are_limited_per_address() {
    let mut config = config();
    config.rate_limits.sign_ins_per_address = limit(4);
    let server = Server::start(&config).await;
    server.register("ann").await;
    for name in ["a", "b", "c"] {
        assert_eq!(server.login(ANN, &format!("{name}@example.com"), PASSWORD).await, "BAD_CREDENTIALS");
    }
    let input = format!(r#"{{ email: "new@example.com", name: "new", password: "{PASSWORD}" }}"#);
    let register = format!("mutation {{ register(input: {input}) {{ userErrors {{ code }} }} }}");
    assert_eq!(server.ask(ANN, None, &register).await.0, StatusCode::OK);
    assert_eq!(server.ask(ANN, None, &register).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(server.login(ANN, "ann@example.com", PASSWORD).await, "RATE_LIMITED");
    assert_eq!(server.login(BEN, "ann@example.com", PASSWORD).await, "OK", "another address");
    assert_eq!(server.login("10.0.0.1", "ann@example.com", PASSWORD).await, "OK", "an address without a limit");
    server.stop().await;
}
