//! The mutations and queries of the run, over HTTP.

use std::{
    env,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use ureq::Agent;

use crate::Result;

/// Time-out of a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Products that orders are spread over, so that orders rarely wait for each other.
const PRODUCTS: usize = 50;

const LOGIN: &str = "mutation ($input: LoginInput!) {
  login(input: $input) { session { accessToken } userErrors { code message } }
}";

const LOGOUT_EVERYWHERE: &str = "mutation { logoutEverywhere { userErrors { code message } } }";

const PRODUCT_IDS: &str = "query ($first: Int!) { products(first: $first) { nodes { id stock } } }";

const PLACE_ORDER: &str = "mutation ($input: PlaceOrderInput!) {
  placeOrder(input: $input) { order { number } userErrors { code message } }
}";

/// Requests in flight when many sessions are opened or ended.
const IN_PARALLEL: usize = 8;

/// Runs `work` on several threads; returns what each has returned.
fn in_parallel<T: Send>(work: impl Fn() -> Result<T> + Sync) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..IN_PARALLEL).map(|_| scope.spawn(&work)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect()
    })
}

/// A server where orders can be placed.
pub struct Shop {
    agent: Agent,
    url: String,
    tokens: Vec<String>,
    products: Vec<String>,
    /// Prefix of every idempotency key of this run.
    run: u128,
    placed: AtomicU64,
}

impl Shop {
    /// Signs `users` in and looks up the products in stock.
    pub fn open(url: &str, users: usize) -> Result<Self> {
        let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        let agent = config.max_idle_connections(256).max_idle_connections_per_host(256).build().into();
        let mut shop = Self {
            agent,
            url: url.to_owned(),
            tokens: Vec::new(),
            products: Vec::new(),
            run: SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos(),
            placed: AtomicU64::new(0),
        };
        if users > 0 {
            let password = env::var("FANOUT_PASSWORD").map_err(|_| "FANOUT_PASSWORD is not set")?;
            let sign_in = |user| shop.sign_in(&format!("fanout-{user}@example.com"), &password);
            shop.tokens = (1..=users).map(sign_in).collect::<Result<_>>()?;
        }
        let answer = shop.call(0, PRODUCT_IDS, json!({ "first": PRODUCTS }))?;
        let products = answer["products"]["nodes"].as_array().ok_or("no list of products")?;
        let in_stock = products.iter().filter(|product| product["stock"].as_i64() > Some(0));
        shop.products = in_stock.filter_map(|product| product["id"].as_str()).map(str::to_owned).collect();
        if shop.products.is_empty() { Err("no product is in stock".into()) } else { Ok(shop) }
    }

    /// Access tokens, one for each user.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Signs the users in again until there are `count` sessions, several at a time. The tokens go round the users.
    pub fn open_sessions(&mut self, count: usize) -> Result<()> {
        let password = env::var("FANOUT_PASSWORD").map_err(|_| "FANOUT_PASSWORD is not set")?;
        let users = self.tokens.len();
        if users == 0 {
            return Err("sessions need --users".into());
        }
        let (shop, next) = (&*self, AtomicUsize::new(users));
        let sign_in = || {
            let mut tokens = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return Ok(tokens);
                }
                let email = format!("fanout-{}@example.com", index % users + 1);
                tokens.push((index, shop.sign_in(&email, &password)?));
            }
        };
        let mut tokens = in_parallel(sign_in)?.into_iter().flatten().collect::<Vec<_>>();
        tokens.sort_unstable();
        self.tokens.extend(tokens.into_iter().map(|(_, token)| token));
        Ok(())
    }

    /// Ends all sessions of the first `users` users, several at a time.
    pub fn end_sessions(&self, users: usize) -> Result<()> {
        let next = AtomicUsize::new(0);
        let end = || {
            loop {
                let user = next.fetch_add(1, Ordering::Relaxed);
                if user >= users {
                    return Ok(());
                }
                self.call(user, LOGOUT_EVERYWHERE, json!({}))?;
            }
        };
        in_parallel(end).map(drop)
    }

    /// Places the `index`-th order and returns its number.
    pub fn place(&self, index: usize) -> Result<String> {
        let item = json!({ "productId": self.products[index % self.products.len()], "quantity": 1 });
        let key = format!("{}-{}", self.run, self.placed.fetch_add(1, Ordering::Relaxed));
        let input = json!({ "items": [item], "idempotencyKey": key });
        let answer = self.call(index, PLACE_ORDER, json!({ "input": input }))?;
        let payload = &answer["placeOrder"];
        let number = payload["order"]["number"].as_str();
        Ok(number.ok_or_else(|| format!("no order: {}", payload["userErrors"]))?.to_owned())
    }

    fn sign_in(&self, email: &str, password: &str) -> Result<String> {
        let answer = self.call(0, LOGIN, json!({ "input": { "email": email, "password": password } }))?;
        let token = answer["login"]["session"]["accessToken"].as_str();
        Ok(token.ok_or_else(|| format!("{email} cannot sign in: {}", answer["login"]["userErrors"]))?.to_owned())
    }

    /// The `data` of the response to a request of the `index`-th user.
    fn call(&self, index: usize, query: &str, variables: Value) -> Result<Value> {
        let mut request = self.agent.post(&self.url);
        if let Some(token) = self.tokens.get(index % self.tokens.len().max(1)) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.send_json(json!({ "query": query, "variables": variables }))?;
        let status = response.status();
        let text = response.body_mut().read_to_string()?;
        let mut answer: Value = serde_json::from_str(&text).map_err(|_| format!("{status}: {text:.300}"))?;
        if answer.get("errors").is_some() {
            return Err(format!("{status}: {}", answer["errors"]).into());
        }
        Ok(answer["data"].take())
    }
}
