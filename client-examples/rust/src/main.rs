//! Signs in, lists products, orders one and watches the order:
//! `ORDERWIRE_EMAIL=… ORDERWIRE_PASSWORD=… cargo run -- [IDEMPOTENCY_KEY]`

mod error;
mod operations;
mod updates;

use std::{convert::Infallible, env, process::ExitCode};

use cynic::{MutationBuilder, Operation, QueryBuilder, http::ReqwestExt};
use error::{Error, Extensions, data};
use operations::{
    Login, LoginInput, LoginVariables, OrderItemInput, PlaceOrder, PlaceOrderInput, PlaceOrderVariables, Products,
    UserError,
};
use updates::Watch;

/// A server and the user who signs in.
struct Account {
    server: String,
    credentials: LoginInput,
    http: reqwest::Client,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(problem) = run().await;
    eprintln!("{problem}");
    ExitCode::FAILURE
}

async fn run() -> Result<Infallible, Error> {
    let account = Account::from_environment()?;
    let token = account.sign_in().await?;

    let products = account.execute(Products::build(()), None).await?.products.nodes;
    for product in &products {
        println!("{}: {} {}", product.name, product.price.amount.0, product.price.currency_code.0);
    }
    let first = products.into_iter().next().ok_or_else(|| Error::Refused("nothing is on sale".to_owned()))?;

    // The key makes it safe to repeat the request after a lost response: the same key with the same input gives the
    // same order. A shop takes a key that belongs to the cart.
    let idempotency_key = env::args().nth(1).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let items = vec![OrderItemInput { product_id: first.id, quantity: 1 }];
    let input = PlaceOrderInput { items, idempotency_key };
    let answer = account.execute(PlaceOrder::build(PlaceOrderVariables { input }), Some(&token)).await?;
    let order = answer.place_order.order.ok_or_else(|| refusal(answer.place_order.user_errors))?;
    let before = if answer.place_order.replayed { ", placed before" } else { "" };
    println!("order {} of {}{before}", order.number, order.total.amount.0);

    Err(Watch::new(&account, token, order.id).run().await)
}

impl Account {
    fn from_environment() -> Result<Self, Error> {
        let variable = |name| env::var(name).map_err(|_| Error::Refused(format!("{name} is not set")));
        Ok(Self {
            server: env::var("ORDERWIRE_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned()),
            credentials: LoginInput { email: variable("ORDERWIRE_EMAIL")?, password: variable("ORDERWIRE_PASSWORD")? },
            http: reqwest::Client::new(),
        })
    }

    /// Gives an access token.
    async fn sign_in(&self) -> Result<String, Error> {
        let input = self.credentials.clone();
        let answer = self.execute(Login::build(LoginVariables { input }), None).await?.login;
        Ok(answer.session.ok_or_else(|| refusal(answer.user_errors))?.access_token)
    }

    /// Runs a query or a mutation.
    async fn execute<T, V>(&self, operation: Operation<T, V>, token: Option<&str>) -> Result<T, Error>
    where
        T: serde::de::DeserializeOwned + 'static,
        V: serde::Serialize,
    {
        let mut request = self.http.post(format!("{}/graphql", self.server));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        data(request.run_graphql(operation).retain_extensions::<Extensions>().await?)
    }
}

fn refusal(errors: Vec<UserError>) -> Error {
    Error::Refused(errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "))
}
