//! Events as messages: CloudEvents 1.0 in their structured mode.

use serde_json::json;

use super::super::payload;
use crate::{
    domain::{Event, EventCursor, EventId, LogId},
    outbound::Message,
};

/// The message of an event of this log, after the event that was relayed before it; `None` for entries that only Orderwire
/// itself reads.
pub(super) fn message(event: &Event, log: LogId, previous: Option<EventId>) -> Option<Message> {
    let kind = event.event_type()?;
    let cursor = EventCursor::after(log, event.seq);
    let (id, name, subject) = (event.id.to_string(), payload::event_name(kind), payload::entity_id(&event.entity));
    let mut body = json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/orderwire/{log}"),
        "type": name,
        "subject": subject,
        "time": event.occurred_at.to_string(),
        "datacontenttype": "application/json",
        "cursor": cursor.to_string(),
        "data": payload::data(event, kind, cursor),
    });
    if let Some(previous) = previous {
        body["previousid"] = json!(previous.to_string());
    }
    Some(Message { id, kind: name, key: subject, at: event.occurred_at, body: body.to_string().into_bytes() })
}
