//! Versions: an entity starts at 1, and each change of it is one more.

use super::Refusal;

/// Refuses a change that was meant for another version than the stored one. `None` means any version.
pub(super) fn check_version(expected: Option<i32>, actual: i32) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != actual => Err(Refusal::VersionMismatch { actual }),
        _ => Ok(()),
    }
}

/// The version after a change.
pub(super) fn next_version(version: i32) -> Result<i32, Refusal> {
    version.checked_add(1).ok_or(Refusal::VersionOutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_or_future_version_is_refused() {
        assert_eq!(check_version(None, 2), Ok(()));
        assert_eq!(check_version(Some(2), 2), Ok(()));
        for expected in [1, 3] {
            assert_eq!(check_version(Some(expected), 2), Err(Refusal::VersionMismatch { actual: 2 }));
        }
    }

    #[test]
    fn the_last_version_can_not_grow() {
        assert_eq!(next_version(1), Ok(2));
        assert_eq!(next_version(i32::MAX), Err(Refusal::VersionOutOfRange));
    }
}
