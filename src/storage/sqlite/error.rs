//! Converts SQLite's errors.

use rusqlite::{Error, ErrorCode};

use super::read_limit::over_budget;
use crate::{
    domain::{Refusal, UniqueKey},
    storage::StoreError,
};

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if let Some(over) = over_budget(&error) {
            return over.into();
        }
        let Error::SqliteFailure(failure, message) = &error else { return Self::internal(error) };
        if failure.code == ErrorCode::ConstraintViolation {
            return match message.as_deref().and_then(taken) {
                Some(key) => Refusal::Duplicate(key).into(),
                None => Self::internal(error),
            };
        }
        match advice(failure.code) {
            Some(advice) => Self::Unavailable(format!("{advice} ({error})")),
            None => Self::internal(error),
        }
    }
}

/// The unique value that the message of a failed constraint is about.
fn taken(message: &str) -> Option<UniqueKey> {
    match message.strip_prefix("UNIQUE constraint failed: ")? {
        "users.email" => Some(UniqueKey::Email),
        "products.sku" => Some(UniqueKey::Sku),
        "orders.number" => Some(UniqueKey::OrderNumber),
        _ => None,
    }
}

/// What an operator can do about a failure; `None` if the program or the data is at fault.
fn advice(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            "another program is writing to the database; stop it, or try again when it is done"
        }
        ErrorCode::DiskFull => "the disk is full; make room on it",
        ErrorCode::SystemIoFailure => "the disk failed to read or write; check it, and that it has room",
        ErrorCode::ReadOnly => "the database can't be written; give this user write access to the file and its folder",
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            "the database can't be opened; give this user read and write access to the file and its folder"
        }
        ErrorCode::NotADatabase => "the file is not an SQLite database; choose another file",
        ErrorCode::DatabaseCorrupt => "the database is damaged; restore a backup",
        ErrorCode::OutOfMemory => "SQLite needs more memory than database.sqlite_heap; raise it if this goes on",
        ErrorCode::OperationInterrupted => "a read took too long and was stopped",
        _ => return None,
    })
}
