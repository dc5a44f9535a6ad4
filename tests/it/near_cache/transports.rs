//! Tokens over each transport of a real server, and caches of any size.

use orderwire::{app::App, domain::*};
use serde_json::{Value, json};

use crate::support::{self, app::RunningApp};

const LIST: &str = "{ products(first: 1) { nodes { id } totalCount } }";

fn request(token: &str) -> Value {
    json!({ "query": LIST, "extensions": { "consistency": { "token": token } } })
}

/// A token of this server, one of another deployment, and one from the future.
fn tokens(app: &App) -> [String; 3] {
    let own = app.core().service().consistency_token();
    let log = own.cursor.log;
    let foreign = ConsistencyToken { cursor: EventCursor::after(LogId::new(log.0 ^ 1), 0), ..own };
    let ahead = ConsistencyToken { at: own.at.plus(std::time::Duration::from_secs(86_400)), ..own };
    [own, foreign, ahead].map(|token| token.to_string())
}

fn check(answer: &Value, refusal: Option<&str>, case: &str) {
    match refusal {
        None => assert_eq!(answer["data"], json!({ "products": { "nodes": [], "totalCount": 0 } }), "{case}: {answer}"),
        Some(why) => {
            let error = &answer["errors"][0];
            let message = error["message"].as_str().unwrap_or_default();
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{case}: {answer}");
            assert!(message.starts_with("orderwire-consistency: ") && message.contains(why), "{case}: {message}");
        }
    }
}

#[tokio::test]
async fn a_token_is_taken_and_a_wrong_one_refused_on_each_transport() {
    let app = App::start(&support::app::config()).await.unwrap();
    let [own, foreign, ahead] = tokens(&app);
    let server = RunningApp::run(app);
    let cases = [
        (own.as_str(), None),
        (&foreign, Some("of another deployment")),
        (&ahead, Some("from the future")),
        ("k12", Some("not a consistency token")),
    ];
    for (token, refusal) in cases {
        for (transport, answer) in server.answers(&request(token)).await {
            check(&answer, refusal, transport);
        }
        for by_get in [false, true] {
            let by_header = server.request(by_get, &json!({ "query": LIST })).header("orderwire-consistency", token);
            check(&by_header.send().await.unwrap().json().await.unwrap(), refusal, "header");
        }
    }
    for wrong in [json!(7), json!({}), json!({ "token": 7 }), json!({ "token": null })] {
        let answer = server.answer(false, &json!({ "query": LIST, "extensions": { "consistency": wrong } })).await.1;
        check(&answer, Some("must be a string"), &wrong.to_string());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_with_a_cache_of_any_size_answers() {
    for bytes in [0, 1, 1 << 40] {
        let mut config = support::app::config();
        config.cache.bytes = bytes;
        let app = App::start(&config).await.unwrap();
        let [own, ..] = tokens(&app);
        let server = RunningApp::run(app);
        for _ in 0..2 {
            check(&server.answer(false, &request(&own)).await.1, None, &format!("{bytes} bytes"));
        }
        server.stop().await;
    }
}
