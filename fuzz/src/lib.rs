//! Parsers of what strangers send, each as a function of any bytes that panics when the parser does, or breaks a promise.
//! `cargo fuzz` runs them for long, `tests/it/fuzz.rs` for a moment.

use std::{fmt::Display, str::FromStr};

use orderwire::{
    domain::{AnyId, Decimal, EventCursor, EventId, OrderId, ProductId, SessionId, TaskId, UserId},
    http::reads_websocket_message,
};

/// Event cursors: one text for each.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(cursor) = text.parse::<EventCursor>() {
        assert_eq!(cursor.to_string(), text);
        assert!(cursor.seq >= 0, "{text}");
    }
}

/// Decimals: exact, and the same again after being written.
pub fn decimal(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(decimal) = text.parse::<Decimal>() else { return };
    let written = decimal.to_string();
    assert!(written.len() <= Decimal::TEXT_LEN, "{written}");
    assert_eq!(written.parse(), Ok(decimal), "{text}");
    // What was read is what is written, but for zeros at either end.
    let bare = |text: &str| {
        let (whole, fraction) =
            text.trim_start_matches('-').split_once('.').unwrap_or((text.trim_start_matches('-'), ""));
        (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
    };
    assert_eq!(bare(&written), bare(text), "{text}");
}

/// Ids: one text for each, and of one type.
pub fn id(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let types = [
        round_trips::<UserId>(text),
        round_trips::<ProductId>(text),
        round_trips::<OrderId>(text),
        round_trips::<TaskId>(text),
    ];
    let others = [round_trips::<EventId>(text), round_trips::<SessionId>(text)];
    let of = types.iter().filter(|is_one| **is_one).count();
    assert_eq!(of == 1, text.parse::<AnyId>().is_ok(), "{text}");
    assert!(of + others.iter().filter(|is_one| **is_one).count() <= 1, "{text}");
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
            // Numbers out of range and depths that this reading refuses are nobody's business before they are used.
            let message = serde_json::from_str::<serde_json::Value>(text).ok();
            assert!(message.is_none_or(|message| message["type"].is_string()), "{protocol}: {text}");
        }
    }
}
