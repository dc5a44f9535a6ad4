//! The first pass over the file: finds all products, users and orders.

use std::collections::HashMap;

use super::row::{HEADER, Row, RowParser, SOURCE};
use crate::{
    domain::{CurrencyCode, Decimal, Metadata, NewProduct, Product, ProductId, Timestamp, User, UserId, UserRole},
    service::import::{ImportError, ImportSource, Progress, Stage, records::RecordReader},
};

const ROWS_PER_REPORT: u64 = 10_000;

/// What the file holds, keyed as in the file. Its size depends on the number of products, users and orders, not on
/// the number of rows.
#[derive(Default)]
pub(super) struct Survey {
    /// Number of rows, including malformed ones.
    pub rows: u64,
    /// By `StockCode`, over all well-formed rows.
    pub products: HashMap<Box<str>, ProductNotes>,
    /// By `CustomerID`, over all well-formed rows.
    pub users: HashMap<Box<str>, UserNotes>,
    /// By `InvoiceNo`: those with rows that are lines of an order.
    pub invoices: HashMap<Box<str>, InvoiceNotes>,
}

/// Data about a product, collected from its rows.
pub(super) struct ProductNotes {
    first_seen: Timestamp,
    last_price: Decimal,
    /// How often each description occurs.
    descriptions: HashMap<Box<str>, u32>,
}

/// Data about a user, collected from their rows.
pub(super) struct UserNotes {
    first_seen: Timestamp,
    last_country: Box<str>,
}

/// Data about an order, collected from its rows.
pub(super) struct InvoiceNotes {
    /// The `CustomerID` of its first row.
    pub customer: Box<str>,
    /// The earliest time of its rows.
    pub placed_at: Timestamp,
    /// Number of its last row; the first row of the file is 1.
    pub last_row: u64,
}

impl Survey {
    /// Reads the whole file.
    pub fn read(source: &ImportSource, progress: &dyn Progress) -> Result<Self, ImportError> {
        let mut records = RecordReader::open(source, &HEADER)?;
        let mut parser = RowParser::new();
        let mut survey = Self::default();
        while records.advance()? {
            survey.rows += 1;
            if let Ok(row) = parser.parse(records.record()) {
                survey.note(&row);
            }
            if survey.rows.is_multiple_of(ROWS_PER_REPORT) {
                let (done, total) = records.progress();
                progress.update(Stage::Reading, done, total);
            }
        }
        let (_, total) = records.progress();
        progress.update(Stage::Reading, total, total);
        Ok(survey)
    }

    fn note(&mut self, row: &Row<'_>) {
        self.note_product(row);
        if !row.customer.is_empty() {
            self.note_user(row);
        }
        if row.line_total().is_ok() {
            self.note_invoice(row);
        }
    }

    fn note_product(&mut self, row: &Row<'_>) {
        let product = entry(&mut self.products, &row.code, || ProductNotes {
            first_seen: row.at,
            last_price: Decimal::ZERO,
            descriptions: HashMap::new(),
        });
        if row.price > Decimal::ZERO {
            product.last_price = row.price;
        }
        if !row.description.is_empty() {
            *entry(&mut product.descriptions, &row.description, || 0) += 1;
        }
    }

    fn note_user(&mut self, row: &Row<'_>) {
        let user = entry(&mut self.users, row.customer, || UserNotes {
            first_seen: row.at,
            last_country: row.country.as_str().into(),
        });
        if *user.last_country != *row.country {
            user.last_country = row.country.as_str().into();
        }
    }

    fn note_invoice(&mut self, row: &Row<'_>) {
        let last_row = self.rows;
        let invoice = entry(&mut self.invoices, &row.invoice, || InvoiceNotes {
            customer: row.customer.into(),
            placed_at: row.at,
            last_row,
        });
        if *invoice.customer == *row.customer {
            invoice.placed_at = invoice.placed_at.min(row.at);
            invoice.last_row = last_row;
        }
    }

    /// The products, sorted by id, each with `stock` units.
    pub fn products(&self, stock: i32) -> Vec<Product> {
        let mut products: Vec<_> = self.products.iter().map(|(code, notes)| notes.product(code, stock)).collect();
        products.sort_unstable_by_key(|product| product.id);
        products
    }

    /// The users, sorted by id, each with their `CustomerID`.
    pub fn users(&self) -> Vec<(&str, User)> {
        let mut users: Vec<_> =
            self.users.iter().map(|(customer, notes)| (&**customer, notes.user(customer))).collect();
        users.sort_unstable_by_key(|(_, user)| user.id);
        users
    }
}

/// The value of `key`. The key is copied only if it is new.
fn entry<'m, V>(map: &'m mut HashMap<Box<str>, V>, key: &str, new: impl FnOnce() -> V) -> &'m mut V {
    if !map.contains_key(key) {
        map.insert(key.into(), new());
    }
    #[expect(clippy::expect_used, reason = "just inserted")]
    map.get_mut(key).expect("the key is there")
}

impl ProductNotes {
    fn product(&self, code: &str, stock: i32) -> Product {
        let id = ProductId::derived(self.first_seen, SOURCE, code);
        let tags = if is_standard(code) { Vec::new() } else { vec!["non-standard".to_owned()] };
        let product = NewProduct::new(code, self.name().unwrap_or(code), self.last_price, CurrencyCode::GBP);
        NewProduct { stock, tags, ..product }.create(id, self.first_seen)
    }

    /// The most frequent description; among equally frequent ones, the smallest by code point.
    fn name(&self) -> Option<&str> {
        // The byte order of UTF-8 is the order of code points.
        let best = self.descriptions.iter().min_by_key(|(text, count)| (std::cmp::Reverse(**count), *text));
        best.map(|(text, _)| &**text)
    }
}

/// Five digits and at most two letters.
fn is_standard(code: &str) -> bool {
    let (digits, letters) = code.as_bytes().split_at(code.len().min(5));
    digits.len() == 5
        && digits.iter().all(u8::is_ascii_digit)
        && letters.len() <= 2
        && letters.iter().all(u8::is_ascii_alphabetic)
}

impl UserNotes {
    fn user(&self, customer: &str) -> User {
        User {
            metadata: Metadata::default(),
            id: UserId::derived(self.first_seen, SOURCE, customer),
            email: Some(format!("customer-{customer}@example.com")),
            name: format!("Customer {customer}"),
            role: UserRole::Customer,
            region: Some(self.last_country.to_string()),
            deleted_at: None,
            version: 1,
            created_at: self.first_seen,
            updated_at: self.first_seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_codes_are_five_digits_and_up_to_two_letters() {
        for code in ["22423", "85123A", "15056bl"] {
            assert!(is_standard(code), "{code}");
        }
        for code in ["", "2242", "224233", "85123ABC", "POST", "A5123A", "DCGS0003", "8512é"] {
            assert!(!is_standard(code), "{code}");
        }
    }

    #[test]
    fn the_most_frequent_name_wins_and_ties_go_to_the_smallest() {
        let name = |counts: &[(&str, u32)]| {
            let descriptions = counts.iter().map(|(text, count)| ((*text).into(), *count)).collect();
            let notes =
                ProductNotes { first_seen: Timestamp::from_unix_millis(0), last_price: Decimal::ZERO, descriptions };
            notes.name().map(str::to_owned)
        };
        assert_eq!(name(&[]), None);
        assert_eq!(name(&[("b", 2), ("a", 1)]).as_deref(), Some("b"));
        assert_eq!(name(&[("b", 2), ("é", 2), ("B", 2)]).as_deref(), Some("B"));
    }
}
