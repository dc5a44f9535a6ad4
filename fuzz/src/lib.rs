//! Parsers of untrusted input, each as a function of any bytes. A function panics if its parser panics or breaks one of its
//! guarantees. `cargo fuzz` runs them for a long time, `tests/it/fuzz.rs` for a few seconds.

use std::{fmt::Display, str::FromStr};

use orderwire::{
    domain::{
        AnyId, ApiKeyId, Decimal, EventCursor, EventId, JobId, OrderId, ProductId, SessionId, TaskId, UserId, WebhookId,
    },
    http::reads_websocket_message,
};

/// Event cursors: each has exactly one text.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(cursor) = text.parse::<EventCursor>() {
        assert_eq!(cursor.to_string(), text);
        assert!(cursor.seq().is_none_or(|seq| seq >= 0), "{text}");
    }
}

/// Decimals: parsing is exact, and a written decimal parses to the same value.
pub fn decimal(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(decimal) = text.parse::<Decimal>() else { return };
    let written = decimal.to_string();
    assert!(written.len() <= Decimal::TEXT_LEN, "{written}");
    assert_eq!(written.parse(), Ok(decimal), "{text}");
    // The text that is written is the text that was read, except for zeros at either end.
    let bare = |text: &str| {
        let (whole, fraction) =
            text.trim_start_matches('-').split_once('.').unwrap_or((text.trim_start_matches('-'), ""));
        (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
    };
    assert_eq!(bare(&written), bare(text), "{text}");
}

/// Ids: each has exactly one text and one type.
pub fn id(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let types = [
        round_trips::<UserId>(text),
        round_trips::<ProductId>(text),
        round_trips::<OrderId>(text),
        round_trips::<TaskId>(text),
        round_trips::<EventId>(text),
        round_trips::<ApiKeyId>(text),
        round_trips::<WebhookId>(text),
        round_trips::<JobId>(text),
    ];
    let of = types.iter().filter(|is_one| **is_one).count();
    assert_eq!(of == 1, text.parse::<AnyId>().is_ok(), "{text}");
    assert!(of + usize::from(round_trips::<SessionId>(text)) <= 1, "{text}");
}

fn round_trips<T: FromStr + Display>(text: &str) -> bool {
    let Ok(id) = text.parse::<T>() else { return false };
    assert_eq!(id.to_string(), text);
    true
}

/// Messages of both subprotocols: a valid one is a JSON object with a type.
pub fn websocket(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for protocol in ["graphql-transport-ws", "graphql-ws"] {
        if reads_websocket_message(protocol, text) {
            // Numbers out of range and depths that `serde_json` refuses are accepted until they are used.
            let message = serde_json::from_str::<serde_json::Value>(text).ok();
            assert!(message.is_none_or(|message| message["type"].is_string()), "{protocol}: {text}");
        }
    }
}
