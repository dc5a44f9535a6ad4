//! The workload: users and the requests they send.

use std::{fs, path::Path, time::SystemTime};

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
    /// Bodies, of which one is picked at random.
    bodies: Vec<String>,
    /// Prefix of a successful response.
    answer: String,
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
        if workload.users.is_empty() || workload.operations.iter().any(|operation| operation.bodies.is_empty()) {
            return Err(format!("{}: no users, or an operation without bodies", file.display()).into());
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

    /// The head of a request of the `index`-th connection, up to the value of its last field, the body's length.
    pub fn head(&self, index: usize, host: &str, path: &str) -> String {
        let User { token, address } = &self.users[index % self.users.len()];
        let authorization = token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\ncontent-type: application/json\r\n\
             x-forwarded-for: {address}\r\n{}content-length: ",
            authorization.unwrap_or_default()
        )
    }

    /// A request that begins with this head.
    pub fn request(&mut self, head: &str, random: &mut Rng) -> Request {
        let mut at = random.f64() * self.operations.iter().map(|operation| operation.share).sum::<f64>();
        let mut reached = |operation: &Operation| {
            at -= operation.share;
            at < 0.0
        };
        let picked = self.operations.iter().position(&mut reached).unwrap_or(self.operations.len() - 1);
        let bodies = &self.operations[picked].bodies;
        let mut body = bodies[random.usize(..bodies.len())].as_str();
        let unique;
        if body.contains(UNIQUE) {
            self.made += 1;
            unique = body.replace(UNIQUE, &format!("{}-{}", self.run, self.made));
            body = &unique;
        }
        Request { operation: picked, bytes: format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes() }
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
                    { "name": "write", "share": 0.25, "bodies": ["write {unique}"], "answer": "" }
                ]
            }"#,
        )
        .unwrap()
    }

    #[test]
    fn operations_come_as_often_as_their_share() {
        let (mut workload, mut random) = (workload(), Rng::with_seed(1));
        let writes = (0..1000).filter(|_| workload.request("", &mut random).operation == 1).count();
        assert!((200..300).contains(&writes), "{writes}");
    }

    #[test]
    fn every_text_is_unique_and_the_length_is_that_of_the_body() {
        let (mut workload, mut random) = (workload(), Rng::new());
        workload.keep_only("write").unwrap();
        let [one, two] = [(); 2].map(|()| workload.request("", &mut random).bytes);
        assert_eq!((one, two), (b"9\r\n\r\nwrite 0-1".to_vec(), b"9\r\n\r\nwrite 0-2".to_vec()));
    }

    #[test]
    fn connections_are_shared_among_the_users() {
        let mut workload = workload();
        for (index, token) in [(0, "Bearer A\r\n"), (1, "Bearer B\r\n"), (2, "Bearer A\r\n")] {
            assert!(workload.head(index, "host", "/").contains(token));
        }
        workload.come_from("203.0.113.7");
        let head = workload.head(1, "host", "/");
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
