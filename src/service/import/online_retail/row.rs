//! Parses a row of the data set and decides whether it is a line of an order.

use std::borrow::Cow;

use csv::ByteRecord;
use jiff::tz::TimeZone;

use crate::{
    domain::{
        Decimal, Timestamp, split_date_time,
        text::{self, TextFault},
    },
    service::import::rejects::{NOT_UTF8, RejectReason, WRONG_FIELD_COUNT, broken_rule},
};

/// Name of the data set in derived ids.
pub(super) const SOURCE: &str = "online-retail";

/// The columns of the data set.
pub(super) const HEADER: [&str; 8] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];

/// The row's customer differs from the one in the invoice's first row.
pub(super) const OTHER_CUSTOMER: RejectReason = Cow::Borrowed("another customer than the invoice's first row");
/// The order's total would overflow.
pub(super) const TOTAL_TOO_LARGE: RejectReason = Cow::Borrowed("the order's total would be out of range");
/// An order from elsewhere already has the number.
pub(super) const NUMBER_TAKEN: RejectReason = Cow::Borrowed("another order has this number");

/// Digits of a `CustomerID`.
const MAX_CUSTOMER: usize = 20;

/// A well-formed row.
pub(super) struct Row<'r> {
    pub invoice: String,
    pub code: String,
    /// Empty if there is none.
    pub description: String,
    pub quantity: i32,
    pub at: Timestamp,
    /// Price of one unit, in pounds; may be negative.
    pub price: Decimal,
    /// `CustomerID`; empty if there is none.
    pub customer: &'r str,
    pub country: String,
}

/// Parses rows.
pub(super) struct RowParser {
    london: TimeZone,
    last_time: (Vec<u8>, Timestamp),
}

impl RowParser {
    /// A parser for one pass over the file.
    #[expect(clippy::expect_used, reason = "the time zone database is compiled in")]
    pub fn new() -> Self {
        let london = TimeZone::get("Europe/London").expect("the bundled database has London");
        Self { london, last_time: (Vec::new(), Timestamp::from_unix_millis(0)) }
    }

    /// Parses a row; the error says why it is malformed.
    pub fn parse<'r>(&mut self, record: &'r ByteRecord) -> Result<Row<'r>, RejectReason> {
        if record.len() != HEADER.len() {
            return Err(WRONG_FIELD_COUNT);
        }
        let text = |column: usize| std::str::from_utf8(&record[column]).map_err(|_| NOT_UTF8);
        let row = Row {
            invoice: checked("InvoiceNo", text(0)?, text::sku)?,
            code: checked("StockCode", text(1)?, text::sku)?,
            description: match text(2)?.trim() {
                "" => String::new(),
                description => checked("Description", description, text::line)?,
            },
            quantity: text(3)?.parse().map_err(|_| "Quantity is not a whole number, or out of range")?,
            at: self.time(text(4)?)?,
            price: text(5)?.parse().map_err(|_| "UnitPrice is not a number with up to 4 decimals, or out of range")?,
            customer: text(6)?,
            country: checked("Country", text(7)?, text::line)?,
        };
        if !row.customer.bytes().all(|byte| byte.is_ascii_digit()) || row.customer.len() > MAX_CUSTOMER {
            return Err("CustomerID is not a number of at most 20 digits".into());
        }
        Ok(row)
    }

    /// Parses a time. Adjacent rows usually have the same one, so the last result is kept.
    fn time(&mut self, text: &str) -> Result<Timestamp, RejectReason> {
        if self.last_time.0 != text.as_bytes() {
            let at = london_time(text, &self.london).ok_or("InvoiceDate is not a time like 2010-12-01T08:26:00")?;
            self.last_time = (text.as_bytes().to_vec(), at);
        }
        Ok(self.last_time.1)
    }
}

/// The text as the API stores it, or why it refuses it.
fn checked(column: &str, text: &str, rule: fn(&str) -> Result<String, TextFault>) -> Result<String, RejectReason> {
    rule(text).map_err(|fault| broken_rule(column, fault))
}

/// Converts London local time to a timestamp. A time that the clocks skip in spring is moved forward by the skipped
/// hour; a time that occurs twice in autumn means the first occurrence.
fn london_time(text: &str, london: &TimeZone) -> Option<Timestamp> {
    let (local, "") = split_date_time(text).ok()? else { return None };
    let time = london.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(Timestamp::from_unix_millis(time.as_millisecond()))
}

impl Row<'_> {
    /// The quantity times the price, or why the row is not a line of an order.
    pub fn line_total(&self) -> Result<Decimal, RejectReason> {
        if self.invoice.starts_with('C') {
            return Err("cancelled".into());
        }
        if self.customer.is_empty() {
            return Err("no customer".into());
        }
        if self.quantity <= 0 {
            return Err("Quantity is not above 0".into());
        }
        if self.price < Decimal::ZERO {
            return Err("UnitPrice is below 0".into());
        }
        Ok(self.price.checked_mul(self.quantity).ok_or("Quantity times UnitPrice is out of range")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 8] =
        ["536365", "85123A", " LAMP ", "6", "2010-12-01T08:26:00", "2.55", "17850", "United Kingdom"];

    fn with(column: usize, value: &str) -> ByteRecord {
        let mut fields = GOOD;
        fields[column] = value;
        ByteRecord::from(fields.to_vec())
    }

    fn reason(column: usize, value: &str) -> RejectReason {
        match RowParser::new().parse(&with(column, value)) {
            Err(reason) => reason,
            Ok(row) => row.line_total().unwrap_err(),
        }
    }

    #[test]
    fn times_are_local_to_london() {
        let millis = |text: &str| {
            let time = RowParser::new().parse(&with(4, text)).map(|row| row.at.to_string());
            time.unwrap_or_else(RejectReason::into_owned)
        };
        assert_eq!(millis("2010-12-01T08:26:00"), "2010-12-01T08:26:00.000Z");
        assert_eq!(millis("2011-07-01T08:26:00"), "2011-07-01T07:26:00.000Z");
        assert_eq!(millis("2011-03-27T01:30:00"), "2011-03-27T01:30:00.000Z", "skipped: counts as 02:30 BST");
        assert_eq!(millis("2011-10-30T01:30:00"), "2011-10-30T00:30:00.000Z", "shown twice: the first");
    }

    #[test]
    fn each_malformed_field_has_its_own_reject_reason() {
        assert!(RowParser::new().parse(&ByteRecord::from(GOOD.to_vec())).unwrap().line_total().is_ok());
        for (column, value, expected) in [
            (0, "", "InvoiceNo must not be empty"),
            (0, "C536365", "cancelled"),
            (1, " ", "StockCode must not be empty"),
            (1, "A\u{200b}1", "StockCode must not contain the invisible character U+200B"),
            (2, "two\nlines", "Description must not contain line breaks or other control characters"),
            (3, "1.5", "Quantity is not a whole number, or out of range"),
            (3, "2147483648", "Quantity is not a whole number, or out of range"),
            (3, "0", "Quantity is not above 0"),
            (3, "-1", "Quantity is not above 0"),
            (4, "12/1/2010 8:26", "InvoiceDate is not a time like 2010-12-01T08:26:00"),
            (4, "2010-13-01T08:26:00", "InvoiceDate is not a time like 2010-12-01T08:26:00"),
            (4, "2010-12-01T08:26:60", "InvoiceDate is not a time like 2010-12-01T08:26:00"),
            (4, "2010-12-01T082600,1", "InvoiceDate is not a time like 2010-12-01T08:26:00"),
            (4, "2010-12-01T08:26:00Z", "InvoiceDate is not a time like 2010-12-01T08:26:00"),
            (4, "0000-12-01T08:26:00", "InvoiceDate is not a time like 2010-12-01T08:26:00"),
            (4, "2010-12-01T08:26:0é", "InvoiceDate is not a time like 2010-12-01T08:26:00"),
            (5, "2.55555", "UnitPrice is not a number with up to 4 decimals, or out of range"),
            (5, "£2.55", "UnitPrice is not a number with up to 4 decimals, or out of range"),
            (5, "-2.55", "UnitPrice is below 0"),
            (5, "922337203685477.5807", "Quantity times UnitPrice is out of range"),
            (6, "", "no customer"),
            (6, "a@b", "CustomerID is not a number of at most 20 digits"),
            (7, "", "Country must not be empty"),
        ] {
            assert_eq!(reason(column, value), expected, "column {column}: {value}");
        }
    }

    #[test]
    fn wrong_field_counts_and_invalid_utf8_are_rejected() {
        let mut parser = RowParser::new();
        assert_eq!(parser.parse(&ByteRecord::from(GOOD[..7].to_vec())).err(), Some(WRONG_FIELD_COUNT));
        let mut bytes = GOOD.map(str::as_bytes);
        bytes[2] = b"\xa3 LAMP";
        assert_eq!(parser.parse(&ByteRecord::from(bytes.to_vec())).err(), Some(NOT_UTF8));
    }
}
