//! Live updates over a WebSocket that resume after the last one when the connection is lost.

use std::{convert::Infallible, time::Duration};

use cynic::{GraphQlResponse, Id, StreamingOperation, SubscriptionBuilder};
use futures_util::StreamExt;
use graphql_ws_client::{Client, Subscription, graphql::GraphqlOperation};
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    client::IntoClientRequest,
    http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
};

use crate::{
    Account,
    error::{Error, Extensions, data},
    operations::{EventCursor, OrderUpdates, OrderUpdatesVariables},
};

/// The order that is watched, and the cursor of its last update.
pub struct Watch<'a> {
    account: &'a Account,
    token: Option<String>,
    order: Id,
    cursor: Option<EventCursor>,
    failures: i32,
}

impl<'a> Watch<'a> {
    pub fn new(account: &'a Account, token: String, order: Id) -> Self {
        Self { account, token: Some(token), order, cursor: None, failures: 0 }
    }

    /// Prints every change of the order, each once and in order, until the server refuses.
    pub async fn run(mut self) -> Error {
        loop {
            let Err(problem) = self.follow().await;
            match problem {
                Error::Refused(_) => return problem,
                // It expired (15 minutes after it was given, unless set otherwise) or its session was ended. A program
                // that can't keep the password asks for a new one with `refreshSession`.
                Error::Token => self.token = None,
                Error::Passing(_) => {}
            }
            eprintln!("{problem}, trying again");
            let longest = 2_f64.powi(self.failures).min(30.0);
            tokio::time::sleep(Duration::from_secs_f64(longest * rand::random::<f64>())).await;
            self.failures += 1;
        }
    }

    /// Over one connection.
    async fn follow(&mut self) -> Result<Infallible, Error> {
        let token = match &self.token {
            Some(token) => token,
            None => self.token.insert(self.account.sign_in().await?),
        };
        // Without a cursor the first update is a snapshot of the order.
        let variables = OrderUpdatesVariables { order_id: Some(self.order.clone()), after: self.cursor.clone() };
        let mut updates = subscribe(&self.account.server, token, variables).await?;
        self.failures = 0;
        while let Some(answer) = updates.next().await {
            let update = data(answer?)?.order_updates;
            println!("{} {:?} {} {:?}", update.cursor.0, update.kind, update.order.number, update.order.status);
            self.cursor = Some(update.cursor);
        }
        // This library does not report the reason. A token that has expired is refused with 4403 by the next connection.
        Err(Error::Passing("lost the connection".to_owned()))
    }
}

async fn subscribe(
    server: &str,
    token: &str,
    variables: OrderUpdatesVariables,
) -> Result<Subscription<Operation>, Error> {
    let mut request = format!("{}/graphql", server.replacen("http", "ws", 1)).into_client_request()?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("graphql-transport-ws"));
    let (socket, _) = tokio_tungstenite::connect_async(request).await?;
    let client = Client::build(socket)
        .payload(json!({ "Authorization": format!("Bearer {token}") }))?
        // A connection may fail silently.
        .keep_alive_interval(Duration::from_secs(10))
        .keep_alive_retries(0);
    Ok(client.subscribe(Operation(OrderUpdates::build(variables))).await?)
}

/// The subscription with the codes of its errors, which the library's own support of cynic leaves out.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Operation(StreamingOperation<OrderUpdates, OrderUpdatesVariables>);

impl GraphqlOperation for Operation {
    type Response = GraphQlResponse<OrderUpdates, Extensions>;
    type Error = serde_json::Error;

    fn decode(&self, answer: serde_json::Value) -> Result<Self::Response, Self::Error> {
        serde_json::from_value(answer)
    }
}
