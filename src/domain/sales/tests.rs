use super::{
    super::Metadata,
    super::{CurrencyCode, Decimal, EventDraft, EventKind, Order, OrderId, OrderItem, Stamp, UserId},
    *,
};

const NOON: i64 = DAY_MILLIS / 2;

fn at(day: i64, millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(day * DAY_MILLIS + millis)
}

fn product(number: u8) -> ProductId {
    ProductId::from_bytes([number; 16])
}

fn order(placed_at: Timestamp, status: OrderStatus, lines: &[(u8, i32)]) -> Order {
    let items = lines.iter().map(|(number, quantity)| OrderItem {
        product: product(*number),
        sku: String::new(),
        name: String::new(),
        quantity: *quantity,
        unit_price: Decimal::ZERO,
        line_total: Decimal::ZERO,
    });
    Order {
        metadata: Metadata::default(),
        id: OrderId::generate(placed_at),
        number: String::new(),
        region: String::new(),
        customer: UserId::from_bytes([1; 16]),
        items: items.collect(),
        total: Decimal::ZERO,
        currency: CurrencyCode::GBP,
        status,
        history: Vec::new(),
        payment_reference: None,
        version: 1,
        placed_at,
        created_at: placed_at,
        updated_at: placed_at,
    }
}

fn entry(seq: Seq, previous_status: Option<OrderStatus>, order: Order) -> Event {
    let stamp = Stamp::system(order.placed_at);
    let kind = if previous_status.is_none() { EventKind::Created } else { EventKind::StatusChanged };
    EventDraft { previous_status, ..EventDraft::new(kind, order, stamp) }.numbered(seq)
}

#[test]
fn a_change_of_something_else_than_the_status_changes_no_ranking() {
    let mut ranking = ranking(&[]);
    let placed = order(at(5, NOON), OrderStatus::Pending, &[(1, 3)]);
    let noted = EventDraft::new(EventKind::Updated, placed.clone(), Stamp::system(placed.placed_at)).numbered(12);
    ranking.count(&[entry(11, None, placed), noted], 12).unwrap();
    assert_eq!(all(&ranking), [sold(1, 3)]);
}

fn sold(number: u8, units: i64) -> SoldProduct {
    SoldProduct { units: Reverse(units), product: product(number) }
}

/// A ranking at entry 10 of the three days that end with day 5.
fn ranking(products: &[SoldProduct]) -> SalesRanking {
    let period = Some(SalesPeriod::ending(at(5, NOON), 3));
    CountedSales { period, products: products.to_vec(), through: 10, unnumbered: HashSet::new() }.into()
}

fn all(ranking: &SalesRanking) -> Vec<SoldProduct> {
    ranking.after(None).collect()
}

#[test]
fn a_period_is_whole_days_up_to_that_of_the_newest_order() {
    for newest in [at(5, 0), at(5, NOON), at(5, DAY_MILLIS - 1)] {
        assert_eq!(SalesPeriod::ending(newest, 3).start(), at(3, 0));
        assert_eq!(SalesPeriod::ending(newest, 1).start(), at(5, 0));
    }
    assert_eq!(SalesPeriod::ending(at(-1, NOON), 1).start(), at(-1, 0));
}

#[test]
fn placed_and_cancelled_orders_of_the_period_change_the_ranking() {
    use OrderStatus::*;
    let mut ranking = ranking(&[sold(1, 5), sold(2, 5), sold(3, 1)]);
    let events = [
        entry(11, None, order(at(5, DAY_MILLIS - 1), Pending, &[(3, 2), (4, 1), (3, 2)])),
        entry(12, Some(Pending), order(at(3, 0), Cancelled, &[(1, 5)])),
        entry(13, Some(Pending), order(at(4, 0), Confirmed, &[(2, 50)])),
        entry(14, Some(Delivered), order(at(4, 0), Returned, &[(2, 50)])),
        entry(15, None, order(at(2, DAY_MILLIS - 1), Pending, &[(4, 50)])),
        entry(16, Some(Pending), order(at(2, 0), Cancelled, &[(2, 5)])),
    ];
    assert_eq!(ranking.count(&events, 20), Ok(()));
    assert_eq!(all(&ranking), [sold(2, 5), sold(3, 5), sold(4, 1)]);
    assert_eq!(ranking.after(Some(sold(2, 5))).collect::<Vec<_>>(), [sold(3, 5), sold(4, 1)]);
    assert_eq!(ranking.through(), 20);
    assert_eq!(ranking.count(&events, 16), Ok(()), "entries that were counted before");
    assert_eq!((all(&ranking).len(), ranking.through()), (3, 20));
}

#[test]
fn entries_that_were_counted_before_they_had_a_number_are_counted_once() {
    let event = entry(11, None, order(at(5, 0), OrderStatus::Pending, &[(1, 2)]));
    let mut ranking = SalesRanking { unnumbered: HashSet::from([event.id]), ..ranking(&[sold(1, 2)]) };
    let next = entry(12, None, order(at(5, 0), OrderStatus::Pending, &[(1, 1)]));
    assert_eq!(ranking.count(&[event, next], 12), Ok(()));
    assert_eq!(all(&ranking), [sold(1, 3)]);
}

#[test]
fn an_order_of_a_later_day_ends_the_period_also_when_it_is_cancelled() {
    let mut ranking = ranking(&[]);
    let early = entry(11, None, order(at(5, 0), OrderStatus::Pending, &[(1, 2)]));
    let late = entry(12, Some(OrderStatus::Pending), order(at(6, 0), OrderStatus::Cancelled, &[(2, 2)]));
    for _ in 0..2 {
        assert_eq!(ranking.count(&[early.clone(), late.clone()], 12), Err(PeriodEnded));
        assert_eq!((all(&ranking), ranking.through()), (vec![sold(1, 2)], 11));
    }
    let mut empty = SalesRanking { period: None, ..ranking };
    assert_eq!(empty.count(&[late], 12), Err(PeriodEnded), "the first order");
}
