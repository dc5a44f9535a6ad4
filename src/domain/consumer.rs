//! Consumers of the event log: what outside of Orderwire follows it, each from a position of its own.
//!
//! Decision: `docs/decisions/0032-consumers-of-the-log.md`.

use serde::{Deserialize, Serialize};

use super::{
    EventId, LogId, Refusal, Seq, Timestamp,
    version::{check_version, next_version},
};

/// What follows the event log, such as a webhook, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its unique name. The part before the first `_` says what kind of consumer it is.
    pub name: String,
    /// What it does with entries, as the code of its kind reads it.
    pub definition: String,
    /// Whether it waits until somebody lets it go on.
    pub paused: bool,
    /// Starts at 1 and grows by 1 with each change, but not with its progress.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How far it is.
    pub progress: Progress,
}

/// How far a consumer is in the log, and how its last attempts went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The id of the log.
    pub log: u32,
    /// Every entry up to this number was taken, or does not concern it.
    pub position: Seq,
    /// The last entry that was taken since the consumer began at its present start.
    #[serde(default)]
    pub taken: Option<EventId>,
    /// How many attempts have failed since one succeeded.
    #[serde(default)]
    pub failures: u32,
    /// Why the last of them failed.
    #[serde(default)]
    pub last_error: Option<String>,
    /// Whether it can't go on, because the log no longer holds what comes after its position.
    #[serde(default)]
    pub stopped: bool,
}

impl Progress {
    /// The progress of a consumer that begins after this entry.
    pub fn after(log: LogId, position: Seq) -> Self {
        Self { log: log.0, position, ..Self::default() }
    }
}

/// A change of a consumer: `None` leaves a value as it is. Each change makes it try again at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsumerChanges {
    /// What it does with entries from now on.
    pub definition: Option<String>,
    /// Whether it waits.
    pub paused: Option<bool>,
    /// Where it starts anew.
    pub restart: Option<Progress>,
}

impl Consumer {
    /// The consumer after a change at version `expected`, or at any version if that is `None`.
    pub fn change(&self, changes: ConsumerChanges, expected: Option<i32>, at: Timestamp) -> Result<Self, Refusal> {
        check_version(expected, self.version)?;
        if changes == ConsumerChanges::default() {
            return Err(Refusal::NothingToChange);
        }
        let progress = changes.restart.unwrap_or_else(|| Progress { failures: 0, ..self.progress.clone() });
        Ok(Self {
            name: self.name.clone(),
            definition: changes.definition.unwrap_or_else(|| self.definition.clone()),
            paused: changes.paused.unwrap_or(self.paused),
            version: next_version(self.version)?,
            created_at: self.created_at,
            updated_at: at,
            progress,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer() -> Consumer {
        let at = Timestamp::from_unix_millis(1);
        let progress = Progress {
            failures: 3,
            last_error: Some("refused".to_owned()),
            taken: Some(EventId::generate(at)),
            stopped: true,
            ..Progress::after(LogId::new(7), 5)
        };
        let (name, definition) = ("test_1".to_owned(), "{}".to_owned());
        Consumer { name, definition, paused: false, version: 1, created_at: at, updated_at: at, progress }
    }

    #[test]
    fn a_change_keeps_the_position_and_forgets_the_failures() {
        let (old, at) = (consumer(), Timestamp::from_unix_millis(9));
        let changes = ConsumerChanges { paused: Some(true), ..ConsumerChanges::default() };
        let expected = Consumer {
            paused: true,
            version: 2,
            updated_at: at,
            progress: Progress { failures: 0, ..old.progress.clone() },
            ..old.clone()
        };
        assert_eq!(old.change(changes.clone(), Some(1), at), Ok(expected));
        assert_eq!(old.change(changes, Some(2), at), Err(Refusal::VersionMismatch { actual: 1 }));
        assert_eq!(old.change(ConsumerChanges::default(), None, at), Err(Refusal::NothingToChange));
    }

    #[test]
    fn a_restart_forgets_what_was_taken_and_why_it_stopped() {
        let restart = Progress::after(LogId::new(7), 2);
        let changes = ConsumerChanges { restart: Some(restart.clone()), ..ConsumerChanges::default() };
        let changed = consumer().change(changes, None, Timestamp::from_unix_millis(9)).unwrap();
        assert_eq!(changed.progress, restart);
    }
}
