//! One request over every transport of a real server.

use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Value, json};

use super::{
    app::RunningApp,
    ws::{self, Client},
};

impl RunningApp {
    /// A request by POST or GET.
    pub fn request(&self, by_get: bool, request: &Value) -> reqwest::RequestBuilder {
        let (client, url) = (reqwest::Client::new(), format!("http://{}/graphql", self.address));
        if !by_get {
            return client.post(url).header(CONTENT_TYPE, "application/json").body(request.to_string());
        }
        let pairs = request.as_object().unwrap().iter().map(|(name, value)| match value {
            Value::String(text) => (name.clone(), text.clone()),
            value => (name.clone(), value.to_string()),
        });
        client.get(url).query(&pairs.collect::<Vec<_>>())
    }

    /// Sends a request and returns the status and the GraphQL response.
    pub async fn answer(&self, by_get: bool, request: &Value) -> (StatusCode, Value) {
        let request = self.request(by_get, request).header(ACCEPT, "application/graphql-response+json");
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Sends a request over each transport and returns the first answer of each, with the transport's name.
    pub async fn answers(&self, request: &Value) -> Vec<(&'static str, Value)> {
        self.answers_to("", request).await
    }

    /// Sends a request with this `Authorization` over each transport.
    pub async fn answers_to(&self, authorization: &str, request: &Value) -> Vec<(&'static str, Value)> {
        let one = async |by_get| {
            let request = self.request(by_get, request).header(ACCEPT, "application/graphql-response+json");
            request.header(AUTHORIZATION, authorization).send().await.unwrap().json().await.unwrap()
        };
        let mut answers = vec![("POST", one(false).await), ("GET", one(true).await)];
        for (name, accept, by_get) in [
            ("events by POST", "text/event-stream", false),
            ("events by GET", "text/event-stream", true),
            ("multipart", "multipart/mixed;subscriptionSpec=1.0, application/json", false),
        ] {
            let request = self.request(by_get, request).header(ACCEPT, accept).header(AUTHORIZATION, authorization);
            let response = request.send().await.unwrap();
            let text = response.text().await.unwrap();
            let json = text.lines().find_map(|line| {
                serde_json::from_str::<Value>(line.strip_prefix("data: ").unwrap_or(line))
                    .ok()
                    .filter(|json| *json != json!({}))
            });
            answers.push((name, json.unwrap_or_else(|| panic!("{name}: {text}"))));
        }
        for (name, protocol, start) in
            [("WebSocket", ws::MODERN, "subscribe"), ("legacy WebSocket", ws::LEGACY, "start")]
        {
            let mut client = Client::open_with(self.address, protocol, json!({ "authorization": authorization })).await;
            client.send(json!({ "id": "1", "type": start, "payload": request })).await;
            let message = client.receive().await;
            answers.push((
                name,
                match message["type"].as_str().unwrap() {
                    "error" if message["payload"].is_array() => json!({ "errors": message["payload"] }),
                    "error" => json!({ "errors": [message["payload"]] }),
                    _ => message["payload"].clone(),
                },
            ));
        }
        answers
    }
}
