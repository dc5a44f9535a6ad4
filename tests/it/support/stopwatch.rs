//! A stopwatch for promised time limits that stays fair on a busy machine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// How long the measuring thread sleeps each time, and the delay of a wake-up that still counts as normal.
const TICK: Duration = Duration::from_millis(1);

/// Measures time without the time in which the machine kept this process waiting for a processor. A thread that sleeps
/// briefly again and again measures that time: it is the sum of its late wake-ups. On an idle machine the stopwatch agrees
/// with the clock.
pub struct Stopwatch {
    started: Instant,
    /// Sum of the late wake-ups so far, in microseconds.
    delayed: Arc<AtomicU64>,
}

impl Stopwatch {
    /// Starts to measure; the thread ends when the stopwatch is dropped.
    pub fn start() -> Self {
        let delayed = Arc::new(AtomicU64::new(0));
        let measured = Arc::downgrade(&delayed);
        thread::spawn(move || {
            let mut asleep = Instant::now();
            loop {
                thread::sleep(TICK);
                let late = asleep.elapsed().saturating_sub(2 * TICK);
                asleep = Instant::now();
                let Some(delayed) = measured.upgrade() else { break };
                delayed.fetch_add(u64::try_from(late.as_micros()).unwrap(), Relaxed);
            }
        });
        Self { started: Instant::now(), delayed }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_micros(self.delayed.load(Relaxed)))
    }
}
