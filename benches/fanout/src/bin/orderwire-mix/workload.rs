//! The workload: users and the requests they send.

use std::{borrow::Cow, fs, path::Path, time::SystemTime};

use fastrand::Rng;
use memchr::memmem;
use orderwire_fanout::Result;
use serde::Deserialize;

/// Placeholder in a body for a text that is unique to each request.
const UNIQUE: &str = "{unique}";

/// A workload.
#[derive(Deserialize)]
pub struct Workload {
    users: Vec<User>,
    /// The operations.
    pub operations: Vec<Operation>,
    /// Prefix of every unique text of this run.
    #[serde(skip)]
    run: u128,
    #[serde(skip)]
    made: u64,
}

/// A user who sends requests.
#[derive(Deserialize)]
struct User {
    token: Option<String>,
    /// Client address, in `X-Forwarded-For`.
    address: String,
}

/// An operation and its requests.
#[derive(Deserialize)]
pub struct Operation {
    /// Name in the results.
    pub name: String,
    /// Weight among the operations.
    share: f64,
    #[serde(flatten)]
    requests: Requests,
    /// Prefix of a successful response.
    answer: String,
}

/// What an operation sends, one at random each time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Requests {
    /// JSON that is posted to the server's URL.
    Bodies(Vec<String>),
    /// Paths that are read with `GET`.
    Paths(Vec<String>),
}

/// A request to be sent.
pub struct Request {
    /// Index of its operation.
    pub operation: usize,
    /// Bytes to send.
    pub bytes: Vec<u8>,
}

impl Workload {
    /// Reads a workload from a file.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut workload: Self = serde_json::from_slice(&text)?;
        if workload.users.is_empty() || workload.operations.iter().any(|operation| operation.requests.is_empty()) {
            return Err(format!("{}: no users, or an operation without requests", file.display()).into());
        }
        workload.run = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
        Ok(workload)
    }

    /// Keeps only one operation.
    pub fn keep_only(&mut self, name: &str) -> Result<()> {
        self.operations.retain(|operation| operation.name == name);
        if self.operations.is_empty() { Err(format!("no operation {name}").into()) } else { Ok(()) }
    }

    /// Sends all requests from one address, without a token.
    pub fn come_from(&mut self, address: &str) {
        self.users = vec![User { token: None, address: address.to_owned() }];
    }

    /// The header fields that all requests of the `index`-th connection have.
    pub fn head(&self, index: usize, host: &str) -> String {
        let User { token, address } = &self.users[index % self.users.len()];
        let authorization = token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
        format!(
            "host: {host}\r\naccept: application/json\r\nx-forwarded-for: {address}\r\n{}",
            authorization.unwrap_or_default()
        )
    }

    /// A request with these header fields. Bodies go to `path`.
    pub fn request(&mut self, path: &str, head: &str, random: &mut Rng) -> Request {
        let mut at = random.f64() * self.operations.iter().map(|operation| operation.share).sum::<f64>();
        let mut reached = |operation: &Operation| {
            at -= operation.share;
            at < 0.0
        };
        let operation = self.operations.iter().position(&mut reached).unwrap_or(self.operations.len() - 1);
        let text = match &self.operations[operation].requests {
            Requests::Paths(paths) => format!("GET {} HTTP/1.1\r\n{head}\r\n", paths[random.usize(..paths.len())]),
            Requests::Bodies(bodies) => {
                let mut body = Cow::from(&bodies[random.usize(..bodies.len())]);
                if body.contains(UNIQUE) {
                    self.made += 1;
                    body = body.replace(UNIQUE, &format!("{}-{}", self.run, self.made)).into();
                }
                let length = body.len();
                format!(
                    "POST {path} HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                )
            }
        };
        Request { operation, bytes: text.into_bytes() }
    }
}

impl Requests {
    fn is_empty(&self) -> bool {
        let (Self::Bodies(texts) | Self::Paths(texts)) = self;
        texts.is_empty()
    }
}

impl Operation {
    /// Whether the response is the expected one, without errors.
    pub fn is_answered_by(&self, status: u16, body: &[u8]) -> bool {
        (200..300).contains(&status)
            && body.starts_with(self.answer.as_bytes())
            && memmem::find(body, b"\"errors\":").is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        serde_json::from_str(
            r#"{
                "users": [{ "token": "A", "address": "198.18.0.1" }, { "token": "B", "address": "198.18.0.2" }],
                "operations": [
                    { "name": "read", "share": 0.75, "bodies": ["read"], "answer": "{\"data\":{\"a\":{" },
                    { "name": "write", "share": 0.25, "bodies": ["write {unique}"], "answer": "" },
                    { "name": "get", "share": 0, "paths": ["/products/1"], "answer": "{\"id\":\"" }
                ]
            }"#,
        )
        .unwrap()
    }

    #[test]
    fn operations_come_as_often_as_their_share() {
        let (mut workload, mut random) = (workload(), Rng::with_seed(1));
        let writes = (0..1000).filter(|_| workload.request("/", "", &mut random).operation == 1).count();
        assert!((200..300).contains(&writes), "{writes}");
    }

    #[test]
    fn every_text_is_unique_and_the_length_is_that_of_the_body() {
        let (mut workload, mut random) = (workload(), Rng::new());
        workload.keep_only("write").unwrap();
        let [one, two] = [(); 2].map(|()| workload.request("/graphql", "host: a\r\n", &mut random).bytes);
        let expected = |unique: &str| {
            format!(
                "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n\
                 write {unique}"
            )
        };
        assert_eq!((one, two), (expected("0-1").into_bytes(), expected("0-2").into_bytes()));
    }

    #[test]
    fn a_path_is_read_without_a_body() {
        let (mut workload, mut random) = (workload(), Rng::new());
        workload.keep_only("get").unwrap();
        let Request { bytes, .. } = workload.request("/graphql", "host: a\r\n", &mut random);
        assert_eq!(String::from_utf8(bytes).unwrap(), "GET /products/1 HTTP/1.1\r\nhost: a\r\n\r\n");
    }

    #[test]
    fn connections_are_shared_among_the_users() {
        let mut workload = workload();
        for (index, token) in [(0, "Bearer A\r\n"), (1, "Bearer B\r\n"), (2, "Bearer A\r\n")] {
            assert!(workload.head(index, "host").contains(token));
        }
        workload.come_from("203.0.113.7");
        let head = workload.head(1, "host");
        assert!(head.contains("x-forwarded-for: 203.0.113.7\r\n") && !head.contains("Bearer"));
    }

    #[test]
    fn an_answer_with_errors_is_none() {
        let operation = &workload().operations[0];
        assert!(operation.is_answered_by(200, br#"{"data":{"a":{"b":1}}}"#));
        assert!(operation.is_answered_by(201, br#"{"data":{"a":{"b":1}}}"#));
        assert!(!operation.is_answered_by(429, br#"{"data":{"a":{"b":1}}}"#));
        assert!(!operation.is_answered_by(200, br#"{"data":{"a":null}}"#));
        assert!(!operation.is_answered_by(200, br#"{"data":{"a":{"b":null}},"errors":[]}"#));
    }
}
