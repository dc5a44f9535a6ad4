//! Converts the errors of the driver and the server.

use bson::Document;
use mongodb::error::{
    Error, ErrorKind, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
    WriteError, WriteFailure,
};

use crate::{
    domain::{Refusal, UniqueKey},
    storage::{Result, StoreError},
};

const DUPLICATE_KEY: i32 = 11_000;

/// Server errors after which a later attempt may succeed: no primary, interrupted, too slow, overloaded, out of space,
/// not confirmed by a majority.
/// <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
const PASSING: [i32; 22] =
    [6, 7, 24, 50, 64, 89, 91, 100, 112, 133, 189, 202, 225, 246, 251, 262, 279, 462, 10_107, 11_600, 11_602, 14_031];
/// More such errors: not primary and secondary reads not allowed; a connection closed by the server.
const PASSING_LEGACY: [i32; 4] = [9_001, 13_388, 13_435, 13_436];

/// `SnapshotTooOld`.
const TOO_OLD: i32 = 239;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if matches!(&*error.kind, ErrorKind::Command(command) if command.code == TOO_OLD) {
            return Self::Unavailable(
                "a read took longer than MongoDB keeps the past; raise its parameter minSnapshotHistoryWindowInSeconds \
                 (300 by default)"
                    .to_owned(),
            );
        }
        if let Some(index) = duplicate_index(&error) {
            return match index.as_str() {
                "emails._id_" => Refusal::Duplicate(UniqueKey::Email).into(),
                "skus._id_" => Refusal::Duplicate(UniqueKey::Sku).into(),
                other => Self::internal(format!("a value of the index {other} is taken")),
            };
        }
        if passes(&error) { Self::Unavailable(error.kind.to_string()) } else { Self::internal(error.kind.to_string()) }
    }
}

/// Whether the transaction may succeed when it is run again as a whole.
pub(super) fn is_transient(error: &Error) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

/// Whether it is unknown if the commit happened; it may be sent again.
pub(super) fn is_unknown_commit(error: &Error) -> bool {
    error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
}

/// The unique index that refused a write, as `COLLECTION.INDEX`.
pub(super) fn duplicate_index(error: &Error) -> Option<String> {
    let message = match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY => &write.message,
        ErrorKind::Command(command) if command.code == DUPLICATE_KEY => &command.message,
        ErrorKind::InsertMany(failure) => {
            let errors = failure.write_errors.as_deref().unwrap_or_default();
            &errors.iter().find(|write| write.code == DUPLICATE_KEY)?.message
        }
        _ => return None,
    };
    index_name(message)
}

/// The first of the errors of writes in the reply to a command, if it has some.
pub(super) fn write_error_of(reply: &Document) -> Result<Option<Error>> {
    let first = reply.get_array("writeErrors").ok().and_then(|errors| errors.first());
    let Some(first) = first else { return Ok(None) };
    let error: WriteError = bson::deserialize_from_bson(first.clone()).map_err(StoreError::internal)?;
    Ok(Some(ErrorKind::Write(WriteFailure::WriteError(error)).into()))
}

/// `E11000 duplicate key error collection: shop.emails index: _id_ dup key: { _id: "…" }`
fn index_name(message: &str) -> Option<String> {
    let (namespace, rest) = message.split_once(" collection: ")?.1.split_once(" index: ")?;
    let (_, collection) = namespace.split_once('.')?;
    Some(format!("{collection}.{}", rest.split(' ').next()?))
}

fn passes(error: &Error) -> bool {
    let passing = |code: i32| PASSING.contains(&code) || PASSING_LEGACY.contains(&code);
    match &*error.kind {
        ErrorKind::ServerSelection { .. }
        | ErrorKind::Io(_)
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::Shutdown
        | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        ErrorKind::Command(command) => passing(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => passing(write.code),
        ErrorKind::InsertMany(failure) => {
            failure.write_concern_error.is_some()
                || failure.write_errors.iter().flatten().any(|write| passing(write.code))
        }
        _ => is_transient(error) || is_unknown_commit(error) || error.contains_label(RETRYABLE_WRITE_ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_found_in_the_servers_message() {
        let message = r#"E11000 duplicate key error collection: a.emails index: _id_ dup key: { _id: " index: x" }"#;
        assert_eq!(index_name(message).as_deref(), Some("emails._id_"));
        assert_eq!(index_name("E11000"), None);
    }
}
