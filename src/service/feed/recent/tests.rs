use std::time::Duration;

use super::*;
use crate::service::feed::test_events::{event, event_of};

fn limits(recent: usize, recent_bytes: usize) -> FeedOptions {
    FeedOptions {
        recent,
        recent_bytes,
        page: 1,
        poll_every: Duration::ZERO,
        reorder_wait: Duration::ZERO,
        max_behind: 1,
        patience: Duration::ZERO,
        concurrent_reads: 1,
    }
}

fn run(head: Seq, events: std::ops::RangeInclusive<Seq>, capacity: usize) -> RecentEvents {
    let mut recent = RecentEvents::new(head, &limits(capacity, usize::MAX));
    events.for_each(|seq| recent.push(event(seq)));
    recent
}

fn after(recent: &RecentEvents, seq: Seq) -> Option<Seq> {
    match recent.find_after(seq, |_| true) {
        Lookup::Found(event) => Some(event.seq),
        Lookup::NoMatchUpTo(head) => Some(-head),
        Lookup::NotBuffered => None,
    }
}

#[test]
fn a_position_within_finds_the_next_entry() {
    let recent = run(10, 11..=15, 3);
    assert_eq!([11, 12, 13, 14].map(|seq| after(&recent, seq)), [None, Some(13), Some(14), Some(15)]);
    assert_eq!(
        [15, 16, 0, -1, Seq::MAX, Seq::MIN].map(|seq| after(&recent, seq)),
        [Some(-15), None, None, None, None, None]
    );
}

#[test]
fn entries_that_are_not_wanted_are_passed_over() {
    let recent = run(0, 1..=3, 8);
    assert!(matches!(recent.find_after(1, |_| false), Lookup::NoMatchUpTo(3)));
    assert!(matches!(recent.find_after(1, |event| event.seq == 3), Lookup::Found(event) if event.seq == 3));
}

#[test]
fn an_empty_run_knows_its_end() {
    let recent = RecentEvents::new(7, &limits(3, usize::MAX));
    assert_eq!([6, 7, 8].map(|seq| after(&recent, seq)), [None, Some(-7), None]);
}

#[test]
fn a_hole_in_the_log_is_never_bridged() {
    let mut recent = run(0, 1..=3, 8);
    recent.push(event(9));
    assert_eq!([2, 3, 7, 8, 9].map(|seq| after(&recent, seq)), [None, None, None, Some(9), Some(-9)]);
}

#[test]
fn an_entry_larger_than_all_of_the_memory_is_not_kept() {
    let mut recent = RecentEvents::new(0, &limits(8, 10_000));
    recent.push(event(1));
    recent.push(event_of(2, 10_000));
    assert_eq!([0, 1, 2].map(|seq| after(&recent, seq)), [None, None, Some(-2)]);
    recent.push(event(3));
    assert_eq!([1, 2, 3].map(|seq| after(&recent, seq)), [None, Some(3), Some(-3)]);
}

/// Random batches of random sizes, against a list of everything that was appended.
#[test]
fn idle_positions_stay_within_what_is_kept_and_both_limits_hold() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    const ENTRIES: usize = 40;
    const BYTES: usize = 40_000;
    for seed in 0..200 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut recent = RecentEvents::new(0, &limits(ENTRIES, BYTES));
        let (mut sizes, mut idle, mut wakes) = (Vec::new(), 0, 0);
        for _ in 0..200 {
            let (mut entries, mut bytes) = (0, 0);
            let most = random.random_range(1..=BYTES / 8);
            while entries < ENTRIES / 4 && bytes < BYTES / 4 && (entries == 0 || random.random_bool(0.7)) {
                let event = event_of(sizes.len() as Seq + 1, random.random_range(0..most));
                (entries, bytes) = (entries + 1, bytes + event.memory());
                sizes.push(event.memory());
                recent.push(event);
            }
            let head = sizes.len() as Seq;
            assert!(recent.covers(idle), "seed {seed}: {idle} of {head}");
            if recent.idle_positions_are_old() {
                (idle, wakes) = (head, wakes + 1);
            }
            let mut total = 0;
            let kept = sizes.iter().rev().take(ENTRIES).take_while(|size| {
                total += **size;
                total <= BYTES
            });
            let oldest = head - kept.count() as Seq;
            assert!(recent.covers(oldest) && !recent.covers(oldest - 1), "seed {seed}: {oldest} of {head}");
        }
        assert!((1..190).contains(&wakes), "seed {seed}: all were woken {wakes} times");
    }
}
