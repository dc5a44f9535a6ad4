//! What stays open, by the address of the client.

use reqwest::StatusCode;

use super::{ANN, BEN, Server, config};
use crate::support::{
    self,
    ws::{self, Client},
};

/// The connections themselves are the proxy's.
#[tokio::test]
async fn sockets_and_streams_are_limited_by_the_address_that_a_proxy_tells() {
    let mut config = config();
    config.server.connections_per_address = 2;
    let server = Server::start(&config).await;
    let socket = async |from: &str| {
        let mut request = ws::request(server.address, ws::MODERN);
        request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
        Client::try_with(server.address, request).await.ok()
    };
    let stream = async |from: &str| {
        let get = reqwest::Client::new().get(format!("http://{}/graphql?query={{__typename}}", server.address));
        get.header("x-forwarded-for", from).header("accept", "text/event-stream").send().await.unwrap()
    };
    let open = [socket(ANN).await.unwrap(), socket(ANN).await.unwrap()];
    assert!(socket(ANN).await.is_none());
    let refused = stream(ANN).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let answer = refused.text().await.unwrap();
    assert!(answer.contains("at most 2 of one address at once"), "{answer}");
    assert_eq!(server.ask(ANN, None, "{ __typename }").await.0, StatusCode::OK, "it does not stay open");
    assert_eq!(stream(BEN).await.status(), StatusCode::OK);
    drop(open);
    let is_free = async || stream(ANN).await.status() == StatusCode::OK;
    support::wait_until("a permit is free", ws::TIMEOUT, is_free).await;
    server.stop().await;
}
