use super::*;
use crate::domain::{
    CurrencyCode, Decimal, EventId, HistoryEntry, Metadata, OrderItem, OrderStatus, ProductStatus, TaskPriority,
    TaskStatus, Timestamp, UserRole,
};

const AT: Timestamp = Timestamp::from_unix_millis(1_764_000_000_123);

fn metadata() -> Metadata {
    let items = |key: &str| [(key.to_owned(), "1\n\u{e9}".to_owned())].into();
    Metadata { public: items("erp:id"), private: items("cost") }
}

fn id<I: From<ulid::Ulid>>(number: u128) -> I {
    ulid::Ulid(number).into()
}

fn user() -> User {
    User {
        id: id(1),
        email: Some("anna@example.com".to_owned()),
        name: "Anna \"A\"".to_owned(),
        role: UserRole::Staff,
        region: Some("France".to_owned()),
        deleted_at: None,
        metadata: metadata(),
        version: 3,
        created_at: AT,
        updated_at: AT,
    }
}

fn product() -> Product {
    Product {
        id: id(2),
        sku: "lamp".to_owned(),
        name: "Lamp".to_owned(),
        description: Some("two\nlines".to_owned()),
        price: Decimal::from_units(25_001),
        currency: CurrencyCode::GBP,
        stock: 0,
        status: ProductStatus::Archived,
        tags: vec!["gift".to_owned()],
        metadata: metadata(),
        version: 1,
        created_at: AT,
        updated_at: AT,
    }
}

fn order() -> Order {
    let step = |event, from, to| HistoryEntry { event, from, to, actor: None, reason: None, at: AT };
    Order {
        id: id(3),
        number: "N-1".to_owned(),
        region: "Spain".to_owned(),
        customer: id(1),
        items: vec![OrderItem {
            product: id(2),
            sku: "lamp".to_owned(),
            name: "Lamp".to_owned(),
            quantity: 2,
            unit_price: Decimal::from_units(25_000),
            line_total: Decimal::from_units(50_000),
        }],
        total: Decimal::from_units(50_000),
        currency: CurrencyCode::GBP,
        status: OrderStatus::Cancelled,
        history: vec![
            step(None, None, OrderStatus::Pending),
            HistoryEntry {
                actor: Some(id(1)),
                reason: Some("twice".to_owned()),
                ..step(Some(EventId::from(ulid::Ulid(9))), Some(OrderStatus::Pending), OrderStatus::Cancelled)
            },
        ],
        payment_reference: Some("p".to_owned()),
        metadata: metadata(),
        version: 2,
        placed_at: AT,
        created_at: AT,
        updated_at: AT,
    }
}

fn task() -> Task {
    Task {
        description: Some("text".to_owned()),
        status: TaskStatus::InProgress,
        priority: TaskPriority::Urgent,
        assignee: Some(id(1)),
        order: Some(id(3)),
        due_at: Some(AT),
        metadata: metadata(),
        ..Task::new(id(4), "Work", id(1), AT)
    }
}

fn line(of: &impl HasLine) -> String {
    let mut line = Vec::new();
    of.write_line(&mut line).unwrap();
    String::from_utf8(line).unwrap()
}

/// Files have these lines, so they never change but for new fields that may be left out.
#[test]
fn the_form_of_lines_never_changes() {
    let metadata = r#""metadata":{"erp:id":"1\né"},"privateMetadata":{"cost":"1\né"}"#;
    let times = r#""createdAt":"2025-11-24T16:00:00.123Z","updatedAt":"2025-11-24T16:00:00.123Z""#;
    assert_eq!(
        line(&user()),
        format!(
            r#"{{"id":"usr_00000000000000000000000001","email":"anna@example.com","name":"Anna \"A\"","role":"STAFF","region":"France",{metadata},"version":3,{times}}}"#
        ) + "\n"
    );
    assert_eq!(
        line(&product()),
        format!(
            r#"{{"id":"prd_00000000000000000000000002","sku":"lamp","name":"Lamp","description":"two\nlines","price":"2.5001","currency":"GBP","stock":0,"status":"ARCHIVED","tags":["gift"],{metadata},"version":1,{times}}}"#
        ) + "\n"
    );
    assert_eq!(
        line(&order()),
        format!(
            r#"{{"id":"ord_00000000000000000000000003","number":"N-1","region":"Spain","customer":"usr_00000000000000000000000001","items":[{{"product":"prd_00000000000000000000000002","sku":"lamp","name":"Lamp","quantity":2,"unitPrice":"2.50","lineTotal":"5.00"}}],"total":"5.00","currency":"GBP","status":"CANCELLED","history":[{{"to":"PENDING","at":"2025-11-24T16:00:00.123Z"}},{{"event":"evt_00000000000000000000000009","from":"PENDING","to":"CANCELLED","actor":"usr_00000000000000000000000001","reason":"twice","at":"2025-11-24T16:00:00.123Z"}}],"paymentReference":"p",{metadata},"version":2,"placedAt":"2025-11-24T16:00:00.123Z",{times}}}"#
        ) + "\n"
    );
    assert_eq!(
        line(&task()),
        format!(
            r#"{{"id":"tsk_00000000000000000000000004","title":"Work","description":"text","status":"IN_PROGRESS","priority":"URGENT","createdBy":"usr_00000000000000000000000001","assignee":"usr_00000000000000000000000001","order":"ord_00000000000000000000000003","dueAt":"2025-11-24T16:00:00.123Z",{metadata},"version":1,{times}}}"#
        ) + "\n"
    );
    let end = EndLine { end: End { lines: 4, cursor: "c1".to_owned() } };
    assert_eq!(line(&end), "{\"end\":{\"lines\":4,\"cursor\":\"c1\"}}\n");
}

#[test]
fn each_line_is_read_back_as_what_it_was_written_from() {
    let gone = User { email: None, region: None, deleted_at: Some(AT), metadata: Metadata::default(), ..user() };
    for written in [user(), gone] {
        let Line::User(read) = parse(line(&written).as_bytes()).unwrap() else { panic!("not a user") };
        assert_eq!(read, written);
    }
    let bare = Product { description: None, tags: Vec::new(), metadata: Metadata::default(), ..product() };
    for written in [product(), bare] {
        let Line::Product(read) = parse(line(&written).as_bytes()).unwrap() else { panic!("not a product") };
        assert_eq!(read, written);
    }
    let bare = Order { payment_reference: None, metadata: Metadata::default(), ..order() };
    for written in [order(), bare] {
        let Line::Order(read) = parse(line(&written).as_bytes()).unwrap() else { panic!("not an order") };
        assert_eq!(read, written);
    }
    for written in [task(), Task::new(id(4), "Work", id(1), AT)] {
        let Line::Task(read) = parse(line(&written).as_bytes()).unwrap() else { panic!("not a task") };
        assert_eq!(read, written);
    }
}
