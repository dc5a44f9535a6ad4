//! The deliveries: which subscription got which event, and when.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;

use crate::{Result, load::Placed};

/// Deliveries of events to a fixed number of subscriptions.
pub struct Tally {
    subscriptions: usize,
    events: Vec<Event>,
    by_number: HashMap<Box<[u8]>, usize>,
    /// Index of the last delivered event; the next delivery is most likely of the same event.
    last: usize,
    delivered: u64,
    doubled: u64,
    bytes: u64,
}

struct Event {
    number: Box<[u8]>,
    /// One bit for each subscription.
    seen: Vec<u64>,
    /// Microseconds from the start of the run, one for each first delivery.
    arrivals: Vec<u32>,
}

impl Tally {
    /// A tally without deliveries.
    pub fn new(subscriptions: usize) -> Self {
        Self {
            subscriptions,
            events: Vec::new(),
            by_number: HashMap::new(),
            last: 0,
            delivered: 0,
            doubled: 0,
            bytes: 0,
        }
    }

    /// Number of subscriptions.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions
    }

    /// Deliveries without duplicates.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Duplicate deliveries.
    pub fn doubled(&self) -> u64 {
        self.doubled
    }

    /// Mean length of a message in bytes.
    pub fn mean_bytes(&self) -> u64 {
        self.bytes / (self.delivered + self.doubled).max(1)
    }

    /// Records that a subscription got the event about the order with this number.
    pub fn record(&mut self, subscription: usize, number: &[u8], message: &[u8], now: Duration) -> Result<()> {
        let place = match self.events.get(self.last) {
            Some(event) if *event.number == *number => self.last,
            _ => self.place(number, message)?,
        };
        self.last = place;
        self.bytes += message.len() as u64;
        let event = &mut self.events[place];
        let (word, bit) = (subscription / 64, 1 << (subscription % 64));
        if event.seen[word] & bit != 0 {
            self.doubled += 1;
            return Ok(());
        }
        event.seen[word] |= bit;
        event.arrivals.push(u32::try_from(now.as_micros())?);
        self.delivered += 1;
        Ok(())
    }

    fn place(&mut self, number: &[u8], message: &[u8]) -> Result<usize> {
        if let Some(place) = self.by_number.get(number) {
            return Ok(*place);
        }
        check(message)?;
        self.events.push(Event {
            number: number.into(),
            seen: vec![0; self.subscriptions.div_ceil(64)],
            arrivals: Vec::with_capacity(self.subscriptions),
        });
        self.by_number.insert(number.into(), self.events.len() - 1);
        Ok(self.events.len() - 1)
    }

    /// Microseconds from sending the mutation to each delivery, in ascending order.
    pub fn latencies(&self, placed: &[Placed]) -> Vec<u32> {
        let mut latencies = Vec::with_capacity(usize::try_from(self.delivered).unwrap_or_default());
        for order in placed {
            let Some(place) = self.by_number.get(order.number.as_bytes()) else { continue };
            let sent = u32::try_from(order.sent.as_micros()).unwrap_or(u32::MAX);
            latencies.extend(self.events[*place].arrivals.iter().map(|arrival| arrival.saturating_sub(sent)));
        }
        latencies.sort_unstable();
        latencies
    }
}

/// The first message of each event must hold everything that was selected.
fn check(message: &[u8]) -> Result<()> {
    let complain = || format!("not the update that was selected: {}", String::from_utf8_lossy(message));
    let message: Value = serde_json::from_slice(message).map_err(|_| complain())?;
    let update = &message["payload"]["data"]["orderUpdates"];
    let (order, total) = (&update["order"], &update["order"]["total"]);
    let texts = [&update["cursor"], &order["id"], &order["number"], &total["amount"], &total["currencyCode"]];
    let whole = texts.iter().all(|text| text.as_str().is_some_and(|text| !text.is_empty()))
        && update["kind"] == "CREATED"
        && order["status"] == "PENDING"
        && order["version"].is_u64();
    if whole { Ok(()) } else { Err(complain().into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: &str) -> Vec<u8> {
        let order = serde_json::json!({
            "id": "ord_1", "number": number, "status": "PENDING", "version": 1,
            "total": { "amount": "1.00", "currencyCode": "GBP" },
        });
        let update = serde_json::json!({ "cursor": "1", "kind": "CREATED", "order": order });
        serde_json::json!({ "payload": { "data": { "orderUpdates": update } } }).to_string().into_bytes()
    }

    #[test]
    fn a_second_delivery_to_the_same_subscription_is_doubled() {
        let mut tally = Tally::new(100);
        let at = Duration::from_millis;
        for (subscription, number, ms) in [(0, "A", 10), (99, "A", 12), (0, "B", 13), (0, "A", 14)] {
            tally.record(subscription, number.as_bytes(), &message(number), at(ms)).unwrap();
        }
        assert_eq!((tally.delivered(), tally.doubled()), (3, 1));
        let placed = ["A", "C"].map(|number| Placed { number: number.to_owned(), sent: at(9) });
        assert_eq!(tally.latencies(&placed), [1000, 3000]);
    }

    #[test]
    fn an_incomplete_message_is_refused() {
        let text = String::from_utf8(message("A")).unwrap().replace("\"version\":1", "\"version\":null");
        assert!(Tally::new(1).record(0, b"A", text.as_bytes(), Duration::ZERO).is_err());
    }
}
