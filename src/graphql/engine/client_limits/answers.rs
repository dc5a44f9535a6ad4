//! The bytes of answers that are in flight, and of what is loaded for them.
//!
//! An answer is in flight from its first byte until the connection has taken its last one, or has ended. What the storage
//! loads for an operation counts until the operation ends. Both are counted for their client and for the node. A client
//! that does not read holds its bytes until its own limit is reached, which is far below the node's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_graphql::{ContextSelectionSet, ErrorExtensionValues, Pos, ServerError};
use tokio::sync::Notify;

use crate::{
    fairness::{Caller, ClientCounters, CounterIndex, OverBudget, try_add},
    graphql::engine::{
        code,
        error::{ApiError, refusal},
    },
    telemetry::metrics,
};

/// How long an operation waits for room before it is refused.
const WAIT: Duration = Duration::from_secs(1);

/// Most bytes of answers, and of what is loaded for them.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLimits {
    /// Of the data of one answer.
    pub answer: usize,
    /// Of what the storage loads for one operation; each field of a mutation begins anew.
    pub loaded: usize,
    /// Of the answers in flight of one user, or of one address without signing in, and of what is loaded for them.
    pub client: usize,
    /// Of all answers in flight of this node, and of what is loaded for them.
    pub node: usize,
}

/// Most bytes of errors and extensions, which an answer may have beside its data.
const BESIDE_DATA: usize = 128 * 1024;

impl AnswerLimits {
    /// Most bytes of a whole answer. What a mutation has made can be answered with the errors of what has no room.
    pub fn whole_answer(&self) -> usize {
        self.answer.saturating_add(BESIDE_DATA)
    }
}

/// Why an answer is not written, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRefusal {
    /// The answer has more bytes than this.
    TooLarge(usize),
    /// The operation loads more bytes than this.
    LoadsTooMuch(usize),
    /// While the answer is made, it takes more bytes of memory than this, which its client may have in flight.
    TakesTooMuch(usize),
    /// The client has this many bytes of answers in flight.
    ClientIsFull(usize),
    /// The node has this many bytes of answers in flight.
    NodeIsFull(usize),
}

impl AnswerRefusal {
    /// The limit in bytes, and the code and message of the error.
    fn describe(self) -> (usize, &'static str, String) {
        let advice = "ask for smaller pages or less of each entry";
        match self {
            Self::TooLarge(limit) => {
                let message =
                    format!("The answer exceeds the limit `answerBytes`: at most {limit} bytes are allowed; {advice}.");
                (limit, code::QUERY_TOO_COMPLEX, message)
            }
            Self::LoadsTooMuch(limit) => {
                let message = format!(
                    "The operation exceeds the limit `loadedBytes`: it may load at most {limit} bytes from the database; \
                     {advice}."
                );
                (limit, code::QUERY_TOO_COMPLEX, message)
            }
            Self::TakesTooMuch(limit) => {
                let message = format!(
                    "The operation exceeds the limit `answersInFlightPerClient`: its answer takes more than {limit} bytes of \
                     memory while it is made; {advice}."
                );
                (limit, code::QUERY_TOO_COMPLEX, message)
            }
            Self::ClientIsFull(limit) => {
                let message = format!(
                    "Your operations that run and answers that are not read yet have reached the limit \
                     `answersInFlightPerClient` of {limit} bytes: read them, or ask for less at a time; try again in 1 s."
                );
                (limit, code::RATE_LIMITED, message)
            }
            Self::NodeIsFull(limit) => {
                let message = format!(
                    "The operations and answers of this server have reached the limit `answersInFlight` of {limit} \
                     bytes; try again in 1 s."
                );
                (limit, code::UNAVAILABLE, message)
            }
        }
    }

    /// The error for the client.
    pub fn to_error(self) -> ServerError {
        let (limit, code, message) = self.describe();
        let mut error = refusal(code, message);
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        extensions.set("limit", limit);
        if code != code::QUERY_TOO_COMPLEX {
            extensions.set("retryAfter", 1);
        }
        error
    }

    /// The error of a field that is not written.
    pub fn error_at(self, context: &ContextSelectionSet<'_>, position: Pos) -> ServerError {
        let mut error = self.to_error();
        error.locations.push(position);
        context.set_error_path(error)
    }

    /// Counts the refusal, once for each answer.
    pub(super) fn record(self) {
        let limit = match self {
            Self::TooLarge(_) => "answer_bytes",
            Self::LoadsTooMuch(_) => "loaded_bytes",
            Self::TakesTooMuch(_) | Self::ClientIsFull(_) => "answers_in_flight_per_client",
            Self::NodeIsFull(_) => "answers_in_flight",
        };
        metrics().refusals.with_labels([limit]).inc();
    }
}

impl From<OverBudget> for AnswerRefusal {
    fn from(over: OverBudget) -> Self {
        match over {
            OverBudget::Operation(limit) => Self::LoadsTooMuch(limit),
            OverBudget::Client(limit) => Self::ClientIsFull(limit),
            OverBudget::Node(limit) => Self::NodeIsFull(limit),
        }
    }
}

impl From<OverBudget> for ApiError {
    fn from(over: OverBudget) -> Self {
        let (limit, code, message) = AnswerRefusal::from(over).describe();
        Self::over_limit(code, message, limit)
    }
}

/// The answers of this node that are in flight.
pub struct AnswerBudget {
    limits: AnswerLimits,
    node: AtomicUsize,
    clients: ClientCounters,
    /// Notified when bytes are no longer in flight.
    released: Notify,
}

impl AnswerBudget {
    /// A budget with these limits, of which nothing is used.
    pub fn new(limits: AnswerLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            node: AtomicUsize::new(0),
            clients: ClientCounters::default(),
            released: Notify::new(),
        })
    }

    /// The limits.
    pub fn limits(&self) -> AnswerLimits {
        self.limits
    }

    /// How many bytes are in flight.
    pub fn in_flight(&self) -> usize {
        self.node.load(Relaxed)
    }

    /// Nothing in flight yet, for answers to this client. Only the node's limit applies to [`Caller::Server`].
    pub fn for_client(self: &Arc<Self>, client: Caller) -> HeldBytes {
        let is_limited = client != Caller::Server;
        HeldBytes { client: is_limited.then(|| self.clients.index(client)), budget: self.clone(), bytes: 0 }
    }

    /// Waits for a moment until there is room for another answer to this client.
    ///
    /// # Errors
    ///
    /// [`AnswerRefusal::ClientIsFull`] or [`AnswerRefusal::NodeIsFull`] when there is none in time.
    pub async fn admit(self: &Arc<Self>, client: Caller) -> Result<HeldBytes, AnswerRefusal> {
        let held = self.for_client(client);
        if self.has_room(held.client).is_ok() {
            return Ok(held);
        }
        let room = async {
            loop {
                let released = self.released.notified();
                if self.has_room(held.client).is_ok() {
                    return;
                }
                released.await;
            }
        };
        match tokio::time::timeout(WAIT, room).await {
            Ok(()) => Ok(held),
            Err(_) => {
                let refusal = self.has_room(held.client).err().unwrap_or(AnswerRefusal::NodeIsFull(self.limits.node));
                refusal.record();
                Err(refusal)
            }
        }
    }

    fn has_room(&self, client: Option<CounterIndex>) -> Result<(), AnswerRefusal> {
        let AnswerLimits { client: of_client, node, .. } = self.limits;
        if client.is_some_and(|client| self.clients.count(client) >= of_client) {
            return Err(AnswerRefusal::ClientIsFull(of_client));
        }
        if self.in_flight() >= node { Err(AnswerRefusal::NodeIsFull(node)) } else { Ok(()) }
    }
}

/// Bytes of answers that are in flight until this is dropped.
pub struct HeldBytes {
    budget: Arc<AnswerBudget>,
    client: Option<CounterIndex>,
    bytes: usize,
}

impl HeldBytes {
    /// Adds bytes if there is room for them.
    ///
    /// # Errors
    ///
    /// [`AnswerRefusal::ClientIsFull`] or [`AnswerRefusal::NodeIsFull`].
    pub fn try_add(&mut self, bytes: usize) -> Result<(), AnswerRefusal> {
        let AnswerLimits { client, node, .. } = self.budget.limits;
        if let Some(index) = self.client
            && !self.budget.clients.try_add(index, bytes, client)
        {
            return Err(AnswerRefusal::ClientIsFull(client));
        }
        if !try_add(&self.budget.node, bytes, node) {
            if let Some(index) = self.client {
                self.budget.clients.subtract(index, bytes);
            }
            return Err(AnswerRefusal::NodeIsFull(node));
        }
        self.count(bytes);
        Ok(())
    }

    /// Adds bytes that are in memory already.
    pub fn add(&mut self, bytes: usize) {
        if let Some(index) = self.client {
            self.budget.clients.add(index, bytes);
        }
        self.budget.node.fetch_add(bytes, Relaxed);
        self.count(bytes);
    }

    /// The connection has taken all bytes.
    pub fn release(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes == 0 {
            return;
        }
        if let Some(index) = self.client {
            self.budget.clients.subtract(index, bytes);
        }
        self.budget.node.fetch_sub(bytes, Relaxed);
        metrics().answer_bytes_in_flight.dec_by(bytes as i64);
        self.budget.released.notify_waiters();
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        metrics().answer_bytes_in_flight.inc_by(bytes as i64);
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::domain::ClientAddress;

    fn client(last: u8) -> Caller {
        Caller::Address(ClientAddress::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[test]
    fn bytes_count_for_their_client_and_the_node_until_they_are_released() {
        let budget = AnswerBudget::new(AnswerLimits { answer: 10, loaded: 10, client: 30, node: 50 });
        let (mut one, mut other) = (budget.for_client(client(1)), budget.for_client(client(2)));
        assert_eq!([one.try_add(20), one.try_add(11)], [Ok(()), Err(AnswerRefusal::ClientIsFull(30))]);
        assert_eq!(other.try_add(30), Ok(()));
        assert_eq!(one.try_add(1), Err(AnswerRefusal::NodeIsFull(50)));
        assert_eq!((budget.in_flight(), one.bytes()), (50, 20));
        drop(other);
        assert_eq!(one.try_add(10), Ok(()), "what the node refused is not counted for the client");
        one.release();
        assert_eq!(budget.in_flight(), 0);
    }

    #[tokio::test]
    async fn an_operation_waits_for_room_and_is_refused_after_a_second() {
        let budget = AnswerBudget::new(AnswerLimits { answer: 10, loaded: 10, client: 10, node: 100 });
        let mut held = budget.admit(client(1)).await.ok().unwrap();
        held.add(10);
        assert_eq!(budget.admit(client(1)).await.err(), Some(AnswerRefusal::ClientIsFull(10)));
        assert!(budget.admit(client(2)).await.is_ok());
        let waiting = budget.admit(client(1));
        let release = async { drop(held) };
        let (admitted, ()) = tokio::join!(waiting, release);
        assert!(admitted.is_ok());
    }
}
