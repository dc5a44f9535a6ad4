//! Inputs are judged alike over every transport of a real server.

use orderwire::{
    app::App,
    domain::{UserRole, Viewer},
    service::Registration,
};
use serde_json::{Value, json};

use crate::support::{
    api::PASSWORD,
    app::{RunningApp, config},
};

/// A server, and the `Authorization` of a staff member.
async fn start() -> (RunningApp, String) {
    let app = App::start(&config()).await.unwrap();
    let service = app.core().service().clone();
    let registration = Registration {
        email: "staff@example.com".to_owned(),
        name: "staff".to_owned(),
        region: None,
        password: Some(PASSWORD.to_owned()),
    };
    service.create_user(&Viewer::System, registration, UserRole::Staff).await.unwrap();
    let token = service.login("staff@example.com", PASSWORD.to_owned(), None).await.unwrap().access.token;
    (RunningApp::run(app), format!("Bearer {token}"))
}

#[tokio::test]
async fn times_are_read_alike_over_each_transport() {
    let (server, staff) = start().await;
    let query = "query ($t: DateTime!) { tasks(filter: { dueBefore: $t }) { totalCount } }";
    for (time, refusal) in [
        ("9999-12-31T23:59:59.999Z", None),
        ("0001-01-01t00:00:00z", None),
        ("20260131T09:30:00Z", Some("of RFC 3339")),
        ("2026-01-31T09:30+01:00", Some("of RFC 3339")),
        ("2026-01-31T09:30:00+25:59", Some("does not exist")),
        ("2016-12-31T23:59:60Z", Some("a leap second")),
        ("0000-01-01T00:00:00Z", Some("not in the years")),
    ] {
        let literal = query.replace("query ($t: DateTime!) ", "").replace("$t", &json!(time).to_string());
        for request in [json!({ "query": query, "variables": { "t": time } }), json!({ "query": literal })] {
            for (transport, answer) in server.answers_to(&staff, &request).await {
                match refusal {
                    None => assert_eq!(answer, json!({ "data": { "tasks": { "totalCount": 0 } } }), "{transport}"),
                    Some(reason) => {
                        let error = &answer["errors"][0];
                        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{transport} {request}: {answer}");
                        assert!(error["message"].as_str().unwrap().contains(reason), "{transport}: {answer}");
                    }
                }
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_text_that_is_no_id_is_null_over_each_transport() {
    let (server, staff) = start().await;
    let query = "query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id, \"garbage\"]) { id } }";
    for authorization in ["", &staff] {
        for id in ["garbage", "", "prd_01J9Z3NDEKTSV4RRFFQ69G5FAV"] {
            let request = json!({ "query": query, "variables": { "id": id } });
            for (transport, answer) in server.answers_to(authorization, &request).await {
                assert_eq!(answer, json!({ "data": { "node": null, "nodes": [null, null] } }), "{transport} {id}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_update_of_nothing_is_refused_over_each_transport() {
    let (server, staff) = start().await;
    let send = async |query: &str| -> Value {
        let request = server.request(false, &json!({ "query": query })).header("authorization", &staff);
        request.send().await.unwrap().json::<Value>().await.unwrap()["data"].clone()
    };
    let task =
        send("mutation { createTask(input: { title: \"T\" }) { task { id } } }").await["createTask"]["task"]["id"]
            .clone();
    for (input, field) in
        [("", json!(null)), (", title: null", json!(["title"])), (", status: null", json!(["status"]))]
    {
        let query = format!(
            "mutation {{ updateTask(input: {{ id: {task}{input} }}) {{ task {{ id }} userErrors {{ code field }} }} }}"
        );
        let payload = json!({ "task": null, "userErrors": [{ "code": "INVALID_INPUT", "field": field }] });
        for (transport, answer) in server.answers_to(&staff, &json!({ "query": query })).await {
            if transport.contains("GET") {
                assert_eq!(answer["errors"][0]["message"], "Send mutations by POST only.", "{transport}");
            } else {
                assert_eq!(answer["data"], json!({ "updateTask": payload }), "{transport} {query}");
                assert_eq!(answer.get("errors"), None, "{transport} {query}");
            }
        }
    }
    assert_eq!(send("{ tasks { nodes { version } } }").await, json!({ "tasks": { "nodes": [{ "version": 1 }] } }));
    server.stop().await;
}

#[tokio::test]
async fn credentials_that_are_blank_or_bad_are_told_apart_over_each_transport() {
    let (server, staff) = start().await;
    let viewer = json!({ "query": "{ me { name } }" });
    for (authorization, name) in [("", json!(null)), (" ", json!(null)), (&*staff, json!({ "name": "staff" }))] {
        for (transport, answer) in server.answers_to(authorization, &viewer).await {
            assert_eq!(answer, json!({ "data": { "me": name } }), "{transport} {authorization:?}");
        }
    }
    for authorization in ["Bearer", "Bearer x", "Basic eDp5"] {
        for by_get in [false, true] {
            for accept in ["application/json", "text/event-stream", "multipart/mixed;subscriptionSpec=1.0"] {
                let request = server.request(by_get, &viewer).header("accept", accept);
                let response = request.header("authorization", authorization).send().await.unwrap();
                assert_eq!(response.status(), 401, "{authorization}");
                let answer: Value = response.json().await.unwrap();
                assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{authorization} {accept}");
            }
        }
    }
    server.stop().await;
}
