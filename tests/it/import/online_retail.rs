//! The import of Online Retail data, with the bundled sample.

use std::sync::Arc;

use orderwire::{
    domain::{Decimal, HistoryEntry, Order, OrderId, OrderStatus, Product, ProductId, Timestamp, UserId, UserRole},
    service::import::{
        Counts, ImportSource, NoProgress, Stage,
        online_retail::{OnlineRetailOptions, OnlineRetailSummary, import},
        sample,
    },
    storage::Store,
};

use super::{CutOff, bytes_of, empty_store, everything, file_with, some_user};

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

async fn import_sample(store: &dyn Store) -> OnlineRetailSummary {
    import(store, &sample::ONLINE_RETAIL, OnlineRetailOptions::default(), Arc::new(NoProgress)).await.unwrap()
}

async fn import_rows(store: &dyn Store, rows: &str) -> OnlineRetailSummary {
    let (_folder, source) = file_with(format!("{HEADER}{rows}").as_bytes());
    import(store, &source, OnlineRetailOptions::default(), Arc::new(NoProgress)).await.unwrap()
}

async fn product(store: &dyn Store, sku: &str) -> Product {
    store.products_by_skus(&[sku.to_owned()]).await.unwrap().remove(0).expect(sku)
}

async fn order(store: &dyn Store, number: &str) -> Order {
    store.orders_by_numbers(&[number.to_owned()]).await.unwrap().remove(0).expect(number)
}

fn all_new(count: u64) -> Counts {
    Counts { total: count, new: count }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_online_retail_sample_gives_the_expected_totals() {
    let store = empty_store().await;
    let summary = import_sample(&*store).await;
    let expected = OnlineRetailSummary {
        rows: 8715,
        products: all_new(2367),
        users: all_new(269),
        orders: all_new(312),
        items: all_new(5328),
        rejected: [("cancelled".into(), 111), ("no customer".into(), 3276)].into(),
    };
    assert_eq!(summary, expected);

    let (products, users, orders) = everything(&*store).await;
    assert_eq!((products.len(), users.len(), orders.len()), (2367, 269, 312));
    let sum = |amounts: &mut dyn Iterator<Item = Decimal>| amounts.map(Decimal::units).sum::<i64>();
    assert_eq!(sum(&mut orders.iter().map(|order| order.total)), 2_923_654_410, "£292,365.441");
    let items: Vec<_> = orders.iter().flat_map(|order| &order.items).collect();
    assert_eq!(sum(&mut items.iter().map(|item| item.line_total)), 2_923_654_410);
    assert_eq!(items.iter().map(|item| i64::from(item.quantity)).sum::<i64>(), 153_503);
    assert_eq!(sum(&mut products.iter().map(|product| product.price)), 222_662_010, "£22,266.201");
    assert!(products.iter().all(|product| product.stock == 1000 && product.version == 1));
    assert_eq!(users.iter().filter(|user| user.region.as_deref() == Some("United Kingdom")).count(), 241);
    let mut odd: Vec<_> =
        products.iter().filter(|product| product.tags == ["non-standard"]).map(|product| &*product.sku).collect();
    odd.sort_unstable();
    let expected = "B C2 D DCGS0003 DCGS0066P DCGS0067 DCGS0068 DCGS0069 DCGS0070 DCGS0071 DCGS0073 DOT M PADS POST";
    assert_eq!(odd.join(" "), expected);
    assert_eq!(products.iter().filter(|product| product.name == product.sku).count(), 17);
}

#[tokio::test]
async fn product_names_and_prices_follow_the_import_rules() {
    let store = empty_store().await;
    import_sample(&*store).await;
    for (sku, name, price) in [
        ("85123A", "WHITE HANGING HEART T-LIGHT HOLDER", "2.95"),
        ("22423", "REGENCY CAKESTAND 3 TIER", "24.96"),
        ("22595", "CHRISTMAS GINGHAM HEART", "1.63"),
        ("PADS", "PADS TO MATCH ALL CUSHIONS", "0.001"),
        ("B", "Adjust bad debt", "11062.06"),
        ("21134", "21134", "0.00"),
    ] {
        let product = product(&*store, sku).await;
        assert_eq!((&*product.name, &*product.price.to_string()), (name, price), "{sku}");
    }
}

#[tokio::test]
async fn imported_orders_are_delivered_at_london_time() {
    let store = empty_store().await;
    import_sample(&*store).await;
    // The invoice is in two pieces with other invoices between, and has two times.
    let split = order(&*store, "542806").await;
    assert_eq!((split.items.len(), &*split.total.to_string()), (39, "846.69"));
    assert_eq!(split.placed_at, time("2011-02-01T11:19:00Z"));
    // The invoice is from summer time and has a price with three decimals.
    let summer = order(&*store, "561226").await;
    assert_eq!((summer.items.len(), &*summer.total.to_string()), (12, "222.831"));
    let at = time("2011-07-26T09:13:00Z");
    assert_eq!((summer.placed_at, summer.created_at, summer.updated_at, summer.version), (at, at, at, 1));
    let delivered = HistoryEntry { event: None, from: None, to: OrderStatus::Delivered, actor: None, reason: None, at };
    assert_eq!(
        (summer.status, &*summer.region, summer.history),
        (OrderStatus::Delivered, "United Kingdom", vec![delivered])
    );
    let last = summer.items.last().unwrap();
    assert_eq!(
        (&*last.sku, last.unit_price, last.line_total),
        ("PADS", Decimal::from_units(10), Decimal::from_units(10))
    );
    assert_eq!(last.product, product(&*store, "PADS").await.id);
    let user = store.users_by_ids(&[summer.customer]).await.unwrap().remove(0).unwrap();
    assert_eq!((&*user.name, user.email.as_deref()), ("Customer 15618", Some("customer-15618@example.com")));
    assert_eq!((user.role, user.region.as_deref()), (UserRole::Customer, Some("United Kingdom")));
    // A gift keeps the name of its row, trimmed like any.
    let gift = order(&*store, "561284").await.items.pop().unwrap();
    assert_eq!((&*gift.name, gift.unit_price), ("OVAL WALL MIRROR DIAMANTE", Decimal::ZERO));
}

#[tokio::test]
async fn importing_online_retail_again_changes_nothing() {
    let store = empty_store().await;
    let first = import_sample(&*store).await;
    let before = everything(&*store).await;
    let second = import_sample(&*store).await;
    let nothing_new = |counts: Counts| Counts { new: 0, ..counts };
    let expected = OnlineRetailSummary {
        products: nothing_new(first.products),
        users: nothing_new(first.users),
        orders: nothing_new(first.orders),
        items: nothing_new(first.items),
        ..first
    };
    assert_eq!(second, expected);
    assert_eq!(everything(&*store).await, before);
}

#[tokio::test]
async fn an_interrupted_import_completes_when_run_again() {
    let clean = empty_store().await;
    import_sample(&*clean).await;
    let clean = everything(&*clean).await;
    for (reports, stage) in [(1, Stage::Products), (1, Stage::Users), (1, Stage::Orders)] {
        let store = empty_store().await;
        let cut_off = CutOff::after(reports, stage);
        let options = OnlineRetailOptions { items_per_batch: 1_000, ..OnlineRetailOptions::default() };
        cut_off.cut(import(&*store, &sample::ONLINE_RETAIL, options, cut_off.clone())).await;
        let half = everything(&*store).await;
        assert!(!half.0.is_empty() && half.2.len() < clean.2.len(), "{stage:?}: {} orders", half.2.len());
        let summary = import_sample(&*store).await;
        assert_eq!((summary.orders.total, summary.rows), (312, 8715));
        assert!(everything(&*store).await == clean, "cut off in {stage:?}");
    }
}

#[tokio::test]
async fn existing_products_users_and_orders_are_kept() {
    let store = empty_store().await;
    let at = time("2020-01-01T00:00:00Z");
    let other = empty_store().await;
    import_sample(&*other).await;
    let cakestand = Product { id: ProductId::derived(at, "test", "22423"), ..product(&*other, "22423").await };
    let buyer = orderwire::domain::User {
        id: UserId::derived(at, "test", "17850"),
        email: Some("customer-17850@example.com".to_owned()),
        ..some_user("buyer")
    };
    let taken = Order { id: OrderId::derived(at, "test", "536365"), items: vec![], ..order(&*other, "536365").await };
    let taken = Order { customer: buyer.id, total: Decimal::ZERO, ..taken };
    store.import_products(std::slice::from_ref(&cakestand)).await.unwrap();
    store.import_users(std::slice::from_ref(&buyer)).await.unwrap();
    store.import_orders(std::slice::from_ref(&taken)).await.unwrap();

    let summary = import_sample(&*store).await;
    assert_eq!((summary.products.new, summary.users.new), (2366, 268));
    assert_eq!((summary.orders, summary.items), (all_new(311), all_new(5321)));
    assert_eq!(summary.rejected["another order has this number"], 7);
    assert_eq!(order(&*store, "536365").await, taken);
    let (_, _, orders) = everything(&*store).await;
    let of_cakestand = |order: &Order| order.items.iter().filter(|item| item.product == cakestand.id).count();
    assert_eq!(orders.iter().map(of_cakestand).sum::<usize>(), 21);
    assert_eq!(orders.iter().filter(|order| order.customer == buyer.id).count(), 10);
}

#[tokio::test]
async fn plain_and_gzipped_files_import_alike() {
    let mut plain = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(bytes_of(&sample::ONLINE_RETAIL)), &mut plain).unwrap();
    let stores = [empty_store().await, empty_store().await];
    let (_folder, source) = file_with(&plain);
    let from_file = import(&*stores[0], &source, OnlineRetailOptions::default(), Arc::new(NoProgress)).await.unwrap();
    assert_eq!(from_file, import_sample(&*stores[1]).await);
    assert!(everything(&*stores[0]).await == everything(&*stores[1]).await);
}

#[tokio::test]
async fn rejected_rows_are_written_with_their_line_and_reason() {
    let mut rows = Vec::from(HEADER);
    rows.extend_from_slice(
        b"1,A,one line ,1,2011-01-01T10:00:00,2,7,Spain\n\
        1,A,\"two\nlines\",1,2011-01-01T10:00:00,2,7,Spain\n\
        C2,A,back,-1,2011-01-01T10:00:00,2,7,Spain\n\
        3,A,nobody,1,2011-01-01T10:00:00,3,,Spain\n\
        \n\
        1,A,\xa3 sign,1,2011-01-01T10:00:00,2,7,Spain\n\
        1,A,\"short, quoted\",1\n\
        1,A,zero,0,2011-01-01T10:00:00,2,7,Spain\n\
        1,A,negative,1,2011-01-01T10:00:00,-2,7,Spain\n\
        1,A,fine,1,2011-01-01T10:00:00,2.00001,7,Spain\n\
        1,A,other,1,2011-01-01T10:00:00,2,8,Spain\n\
        1,B,huge,1,2011-01-01T09:00:00,900000000000000,7,Spain\n\
        1,B, ,2,2011-01-01T10:00:00,0.5,7,Spain\n",
    );
    let (folder, source) = file_with(&rows);
    let rejects = folder.path().join("rejects.csv");
    let store = empty_store().await;
    let options = OnlineRetailOptions { stock: 3, rejects: Some(rejects.clone()), ..OnlineRetailOptions::default() };
    let summary = import(&*store, &source, options, Arc::new(NoProgress)).await.unwrap();

    let expected: &[u8] =
        b"line,reason,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
        3,Description must not contain line breaks or other control characters,\
        1,A,\"two\nlines\",1,2011-01-01T10:00:00,2,7,Spain\n\
        5,cancelled,C2,A,back,-1,2011-01-01T10:00:00,2,7,Spain\n\
        6,no customer,3,A,nobody,1,2011-01-01T10:00:00,3,,Spain\n\
        8,not UTF-8,1,A,\xa3 sign,1,2011-01-01T10:00:00,2,7,Spain\n\
        9,wrong number of fields,1,A,\"short, quoted\",1\n\
        10,Quantity is not above 0,1,A,zero,0,2011-01-01T10:00:00,2,7,Spain\n\
        11,UnitPrice is below 0,1,A,negative,1,2011-01-01T10:00:00,-2,7,Spain\n\
        12,\"UnitPrice is not a number with up to 4 decimals, or out of range\",\
        1,A,fine,1,2011-01-01T10:00:00,2.00001,7,Spain\n\
        13,another customer than the invoice's first row,1,A,other,1,2011-01-01T10:00:00,2,8,Spain\n";
    assert_eq!(String::from_utf8_lossy(&std::fs::read(rejects).unwrap()), String::from_utf8_lossy(expected));
    assert_eq!((summary.rows, summary.rejected.values().sum()), (12, 9));
    assert_eq!((summary.orders, summary.items, summary.users), (all_new(1), all_new(3), all_new(2)));
    let order = order(&*store, "1").await;
    let names: Vec<_> = order.items.iter().map(|item| &*item.name).collect();
    assert_eq!(names, ["one line", "huge", "huge"], "a blank description gives way to the product's name");
    assert_eq!(order.placed_at, time("2011-01-01T09:00:00Z"), "the earliest of its rows");
    assert_eq!(product(&*store, "A").await.stock, 3);
}

#[tokio::test]
async fn a_row_that_overflows_the_order_total_is_rejected() {
    let store = empty_store().await;
    let huge = "1,A,x,1,2011-01-01T10:00:00,900000000000000,7,Spain\n";
    let summary = import_rows(&*store, &format!("{huge}{huge}")).await;
    assert_eq!(summary.rejected, [("the order's total would be out of range".into(), 1)].into());
    assert_eq!((summary.orders, summary.items), (all_new(1), all_new(1)));
}

#[tokio::test]
async fn a_file_without_rows_imports_nothing() {
    let store = empty_store().await;
    assert_eq!(import_rows(&*store, "").await, OnlineRetailSummary::default());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_stops_the_import_which_completes_when_run_again() {
    let store = empty_store().await;
    let options = OnlineRetailOptions { rejects: Some("/dev/full".into()), ..OnlineRetailOptions::default() };
    let error = import(&*store, &sample::ONLINE_RETAIL, options, Arc::new(NoProgress)).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot write the rejects to /dev/full: No space left on device (os error 28)");
    assert_eq!(import_sample(&*store).await.orders.total, 312);
    assert_eq!(everything(&*store).await.2.len(), 312);
}

#[tokio::test]
async fn rejects_never_overwrite_the_imported_file() {
    let (folder, source) = file_with(HEADER.as_bytes());
    let rejects = folder.path().join(".").join("data.csv");
    let options = OnlineRetailOptions { rejects: Some(rejects.clone()), ..OnlineRetailOptions::default() };
    let error = import(&*empty_store().await, &source, options, Arc::new(NoProgress)).await.unwrap_err().to_string();
    assert!(error.ends_with("is the file to import: the rejects need another one"), "{error}");
    assert_eq!(std::fs::read_to_string(rejects).unwrap(), HEADER);
    let nowhere = OnlineRetailOptions {
        rejects: Some(folder.path().join("missing/rejects.csv")),
        ..OnlineRetailOptions::default()
    };
    let source: ImportSource = sample::ONLINE_RETAIL;
    let error = import(&*empty_store().await, &source, nowhere, Arc::new(NoProgress)).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write the rejects to "), "{error}");
}
