//! Charges operations for what could not be known before they ran.
//!
//! Decisions: `docs/decisions/0023-what-a-client-may-hold.md`, `docs/decisions/0025-rows-and-loaded-bytes.md`.

use std::sync::Arc;

use crate::{
    domain::{ClientAddress, Viewer},
    graphql::engine::{
        client_limits::{AnswerMeter, LoadMeter},
        document::PreparedOperation,
        rate_limit::Charged,
    },
    service::{Allowance, Service},
    telemetry::OperationTimer,
};

/// Bytes of an answer that each point of an operation's cost pays for.
const BYTES_PER_POINT: usize = 1024;

/// Bytes of what a mutation stores that each point pays for: to store a byte and index its words takes some sixteen times
/// as long as to answer it.
const STORED_BYTES_PER_POINT: usize = 64;

/// Rows that each point of an operation's cost pays for, if the database examines them.
const ROWS_PER_POINT: u64 = 10;

/// The points for bytes of answers and updates.
pub(super) fn points_for_bytes(bytes: usize) -> u64 {
    (bytes / BYTES_PER_POINT) as u64
}

/// The points for rows that an operation has made the database examine, above what its cost pays for.
pub(super) fn points_for_rows(loads: &LoadMeter, operation: &PreparedOperation) -> u64 {
    (loads.rows() / ROWS_PER_POINT).saturating_sub(operation.cost())
}

/// What an operation does beyond what its cost pays for. It is charged when the operation has ended, and also when this is
/// dropped before: a client that leaves, or whose operation takes too long, pays for what was done until then.
pub(super) struct UnchargedWork<'a> {
    service: &'a Arc<Service>,
    payer: Option<(Viewer, Option<ClientAddress>)>,
    allowance: Option<Allowance>,
    cost: u64,
    answer: &'a AnswerMeter,
    loads: &'a LoadMeter,
    timer: &'a OperationTimer,
}

impl<'a> UnchargedWork<'a> {
    /// The work of an operation whose cost was charged; `allowance` is what was left then, `None` if there is no limit.
    pub(super) fn new(
        service: &'a Arc<Service>,
        viewer: Viewer,
        operation: &PreparedOperation,
        allowance: Option<Allowance>,
        (answer, loads): (&'a AnswerMeter, &'a LoadMeter),
        timer: &'a OperationTimer,
    ) -> Self {
        let payer = allowance.map(|_| (viewer, operation.client()));
        Self { service, payer, allowance, cost: operation.cost(), answer, loads, timer }
    }

    /// Charges what was done: the bytes of the answer and of what was stored, and the rows that were examined.
    pub(super) async fn charge(mut self) -> Charged {
        let afterwards = self.points();
        let allowance = match self.payer.take() {
            Some((viewer, client)) if afterwards > 0 => {
                self.service.charge_afterwards(&viewer, client, afterwards).await
            }
            _ => self.allowance,
        };
        Charged { allowance, afterwards }
    }

    fn points(&self) -> u64 {
        let stored = (self.timer.stored() / STORED_BYTES_PER_POINT) as u64;
        let rows = self.loads.rows() / ROWS_PER_POINT;
        let work = points_for_bytes(self.answer.written()).saturating_add(stored).saturating_add(rows);
        work.saturating_sub(self.cost)
    }
}

impl Drop for UnchargedWork<'_> {
    fn drop(&mut self) {
        let points = self.points();
        // Without a runtime the server has ended.
        if let (Some((viewer, client)), Ok(runtime)) = (self.payer.take(), tokio::runtime::Handle::try_current())
            && points > 0
        {
            let service = self.service.clone();
            runtime.spawn(async move { service.charge_afterwards(&viewer, client, points).await });
        }
    }
}
