//! Password hashes: Argon2id, off the async threads, at low priority, a bounded number at a time. Callers take turns.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{num::NonZeroUsize, thread};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, SaltString},
};
use rand::RngCore;
use tokio::sync::oneshot;

use crate::{
    domain::text::opaque_password,
    fairness::{FairSemaphore, NoPermit, cores, current_caller},
    telemetry::metrics::metrics,
};

/// How much nicer than others threads that hash are, see nice(2): they get a third of what another thread gets on the same
/// core.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// KiB of memory, at least 8 for each lane.
    pub memory: u32,
    /// Passes over the memory, at least 1.
    pub passes: u32,
    /// Lanes, at least 1.
    pub lanes: u32,
}

/// A fault of ours or of the data; never a wrong password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The cost is out of range.
    #[error("the password hash parameters are out of range")]
    Cost,
    /// The stored hash can't be read.
    #[error("the stored password hash is not usable: {0}")]
    StoredHash(password_hash::Error),
    /// Hashing failed.
    #[error("password hashing failed: {0}")]
    Hash(password_hash::Error),
    /// There is no thread to hash on.
    #[error("cannot start a thread for password hashing: {0}")]
    Thread(std::io::Error),
    /// The runtime is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The caller has too many hashes to wait for.
    #[error(transparent)]
    NoPermit(#[from] NoPermit),
}

/// Hashes and verifies passwords. Cheap to clone; clones share the bound on how many run at once.
#[derive(Debug, Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    running: FairSemaphore,
}

impl Passwords {
    /// With this cost, at most `concurrency` at a time, and of one caller as many as half of the cores; the others wait.
    pub fn new(cost: PasswordCost, concurrency: NonZeroUsize) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory, cost.passes, cost.lanes, None).map_err(|_| PasswordError::Cost)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self { argon2, running: FairSemaphore::for_cores(concurrency.get()) })
    }

    /// As many at a time as this machine can run in parallel.
    pub fn default_concurrency() -> NonZeroUsize {
        cores()
    }

    /// The PHC string to store for this password.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.run(move |argon2| hash(argon2, &opaque_password(&password))).await
    }

    /// Whether the password is the one that `stored`, a PHC string, was made from. For `None` (no such user, or one
    /// without a password) the answer is `false` and takes as long, so that time does not tell who has an account.
    pub async fn verify(&self, password: String, stored: Option<&str>) -> Result<bool, PasswordError> {
        let stored = stored.map(str::to_owned);
        let normalised = opaque_password(&password);
        // Hashes were made from passwords as they were typed, before passwords were normalised.
        let as_typed = Some(password).filter(|password| *password != normalised);
        self.run(move |argon2| {
            for password in [Some(normalised), as_typed].into_iter().flatten() {
                let right = match &stored {
                    Some(stored) => verify(argon2, &password, stored)?,
                    None => hash(argon2, &password).map(|_| false)?,
                };
                if right {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    /// The permit goes with the work: a caller that goes away does not let more work start.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = self.running.acquire(current_caller()).await?;
        let argon2 = self.argon2.clone();
        let (send, result) = oneshot::channel();
        // A thread of its own, because the priority of a thread that others use must not change.
        let thread = thread::Builder::new().name("password-hash".to_owned()).spawn(move || {
            lower_priority();
            let result = work(&argon2);
            drop(permit);
            let _ = send.send(result);
        });
        thread.map_err(PasswordError::Thread)?;
        result.await.map_err(|_| PasswordError::ShuttingDown)?
    }
}

/// Lets other threads run before this one: hashes take tens of milliseconds of a core, for which others' requests would wait.
fn lower_priority() {
    // Elsewhere it would be the priority of the whole process. Hashes are right at any priority, so an error is ignored.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, PasswordError> {
    metrics().password_hashes.inc();
    let mut salt = [0; 16];
    rand::rng().fill_bytes(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(PasswordError::Hash)?;
    let hash = argon2.hash_password(password.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

fn verify(argon2: &Argon2<'_>, password: &str, stored: &str) -> Result<bool, PasswordError> {
    metrics().password_hashes.inc();
    let stored = PasswordHash::new(stored).map_err(PasswordError::StoredHash)?;
    if stored.hash.is_none() {
        return Err(PasswordError::StoredHash(password_hash::Error::PhcStringField));
    }
    match argon2.verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::Password) => Ok(false),
        Err(error) => Err(PasswordError::StoredHash(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fairness::Caller;

    const CHEAP: PasswordCost = PasswordCost { memory: 8, passes: 1, lanes: 1 };

    fn passwords(cost: PasswordCost, concurrency: usize) -> Passwords {
        Passwords::new(cost, NonZeroUsize::new(concurrency).unwrap()).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_lowers_the_priority_of_its_own_thread_only() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let own = niceness();
        let hashing = passwords(CHEAP, 1).run(move |_| Ok(niceness())).await.unwrap();
        assert_eq!((hashing, niceness()), ((own + NICENESS).min(19), own));
    }

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let passwords = passwords(CHEAP, 2);
        let stored = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert_ne!(stored, passwords.hash("correct horse".to_owned()).await.unwrap());
        for (password, expected) in [("correct horse", true), ("Correct horse", false), ("", false)] {
            assert_eq!(passwords.verify(password.to_owned(), Some(&stored)).await.unwrap(), expected, "{password}");
        }
        assert!(!passwords.verify("correct horse".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_it_is_typed_and_older_hashes_stay_good() {
        let passwords = passwords(CHEAP, 2);
        let (composed, decomposed) = ("schl\u{fc}ssel\u{a0}1", "schlu\u{308}ssel 1");
        let stored = passwords.hash(decomposed.to_owned()).await.unwrap();
        let as_typed = hash(&passwords.argon2, decomposed).unwrap();
        for (typed, stored, right) in [
            (composed, &stored, true),
            (decomposed, &stored, true),
            ("schlussel 1", &stored, false),
            (decomposed, &as_typed, true),
            (composed, &as_typed, false),
        ] {
            assert_eq!(passwords.verify(typed.to_owned(), Some(stored)).await.unwrap(), right, "{typed:?}");
        }
    }

    #[tokio::test]
    async fn the_default_cost_is_the_recommended_one_and_older_hashes_stay_good() {
        let stored = passwords(CHEAP, 1).hash("secret".to_owned()).await.unwrap();
        let passwords = passwords(crate::app::password_cost(&crate::config::Config::default().auth), 1);
        assert!(passwords.verify("secret".to_owned(), Some(&stored)).await.unwrap());
        let stored = passwords.hash("secret".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    }

    #[tokio::test]
    async fn an_unreadable_stored_hash_is_an_error_not_a_wrong_password() {
        let passwords = passwords(CHEAP, 1);
        for stored in ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA"] {
            let result = passwords.verify("secret".to_owned(), Some(stored)).await;
            assert!(matches!(result, Err(PasswordError::StoredHash(_))), "{stored}: {result:?}");
        }
    }

    #[test]
    fn impossible_costs_are_refused() {
        for cost in [
            PasswordCost { memory: 1, ..CHEAP },
            PasswordCost { passes: 0, ..CHEAP },
            PasswordCost { lanes: 0, ..CHEAP },
        ] {
            assert!(matches!(Passwords::new(cost, NonZeroUsize::MIN), Err(PasswordError::Cost)), "{cost:?}");
        }
    }

    /// Processor time of this process in ticks of 10 ms: fields 14 and 15 of `/proc/self/stat`.
    #[cfg(target_os = "linux")]
    fn processor_ticks() -> u64 {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    // Processor time, because on a busy machine the clock also measures what the others do.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_missing_hash_costs_as_much_as_a_wrong_password() {
        let passwords = passwords(PasswordCost { memory: 16 * 1024, passes: 4, lanes: 1 }, 1);
        let stored = passwords.hash("right".to_owned()).await.unwrap();
        let mut spent = [0; 2];
        // In turn, so that both meet the machine in the same state.
        for _ in 0..30 {
            for (spent, stored) in spent.iter_mut().zip([None, Some(&*stored)]) {
                let before = processor_ticks();
                passwords.verify("wrong".to_owned(), stored).await.unwrap();
                *spent += processor_ticks() - before;
            }
        }
        let [missing, wrong] = spent;
        assert!(wrong >= 10, "{wrong} ticks are too few to compare");
        assert!(missing > wrong / 2 && missing < wrong * 2, "{missing} {wrong}");
    }

    #[tokio::test]
    async fn work_goes_on_within_the_bound_when_callers_leave() {
        let passwords = passwords(CHEAP, 1);
        let held = passwords.running.acquire(Caller::Server).await.unwrap();
        let waiting = passwords.hash("secret".to_owned());
        assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
        drop(held);
        passwords.hash("secret".to_owned()).await.unwrap();
        assert_eq!(passwords.running.free(), 1);
    }
}
