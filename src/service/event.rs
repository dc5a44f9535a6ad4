//! Use cases of the event log: reading it page by page.

use super::{Result, Service, ServiceError, access, live::invalid_cursor};
use crate::{
    domain::{Event, EventCursor, EventFilter, EventId, LogFilter, LogId, Scope, Seq, Viewer},
    fairness::read_meter,
};

/// Entries that are read at a time when not each of them is wanted.
const SCAN_PAGE: u32 = 100;
/// Entries that are looked at for one page before it is cut short. The reader goes on after what was looked at.
const MAX_SCANNED: usize = 1000;

/// A part of the event log.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The log.
    pub log: LogId,
    /// The matching entries, in order.
    pub events: Vec<Event>,
    /// No matching entry up to this number is missing from `events`.
    pub through: Seq,
    /// Whether the log goes on after `through`, with entries that may match or not.
    pub has_more: bool,
}

/// Counts entries that were read for an operation, which may be too many bytes for it.
fn count_loaded(events: &[Event]) -> Result<()> {
    let bytes = events.iter().map(Event::memory).sum();
    read_meter().map_or(Ok(()), |meter| meter.load(bytes)).map_err(ServiceError::OverBudget)
}

impl Service {
    /// Staff: up to `first` matching entries of the log after a cursor, or from its oldest on. A page may have fewer, and
    /// even none, although the log goes on: it is cut short after many entries that do not match.
    ///
    /// # Errors
    ///
    /// [`ServiceError::CursorExpired`] if entries after the cursor are no longer held.
    pub async fn events(
        &self,
        viewer: &Viewer,
        filter: &EventFilter,
        after: Option<EventCursor>,
        first: u32,
    ) -> Result<EventPage> {
        access::require(viewer, Scope::ReadEvents)?;
        let (log, start) = match after {
            Some(cursor) => self.resolve_cursor(cursor).await?,
            None => {
                let state = self.store.log_state().await?;
                (state.log, state.horizon)
            }
        };
        self.store.catch_up_log().await?;
        let (events, through) = self.matching_entries(filter, start, first as usize).await?;
        // Entries are pruned oldest first: if the start is within the log now, it was when the entries were read.
        let state = self.store.log_state().await?;
        if state.log != log || after.is_some() && start < state.horizon {
            return Err(ServiceError::CursorExpired);
        }
        if start > state.head {
            return Err(invalid_cursor());
        }
        Ok(EventPage { log, events, through, has_more: through < state.head })
    }

    /// Matching entries after `start`, and the number up to which all are there.
    async fn matching_entries(&self, filter: &EventFilter, start: Seq, wanted: usize) -> Result<(Vec<Event>, Seq)> {
        let stored = LogFilter { kind: filter.entity_kind(), entity: filter.entity, user: None };
        let (mut found, mut through, mut scanned) = (Vec::new(), start, 0);
        while found.len() < wanted && scanned < MAX_SCANNED {
            let missing = u32::try_from(wanted - found.len()).unwrap_or(SCAN_PAGE);
            let limit = if filter.types.is_some() { SCAN_PAGE } else { missing.min(SCAN_PAGE) };
            let page = self.store.read_log(through, stored, limit).await?;
            count_loaded(&page.events)?;
            scanned += page.events.len();
            for event in page.events {
                let seq = event.seq;
                if filter.matches(&event) {
                    found.push(event);
                }
                if found.len() == wanted {
                    return Ok((found, seq));
                }
            }
            through = page.through;
            if !page.has_more {
                break;
            }
        }
        Ok((found, through))
    }

    /// Staff: the entries of the log with these ids, each `None` if the log does not have it, or not any more.
    pub async fn events_by_ids(&self, viewer: &Viewer, ids: &[EventId]) -> Result<Vec<Option<Event>>> {
        access::require(viewer, Scope::ReadEvents)?;
        self.entries_by_ids(ids).await
    }

    /// The entries of the log with these ids.
    pub(super) async fn entries_by_ids(&self, ids: &[EventId]) -> Result<Vec<Option<Event>>> {
        self.store.catch_up_log().await?;
        Ok(self.store.events_by_ids(ids).await?)
    }
}
