//! Checks of clients' input. All errors of an input are reported together.

use super::{ServiceError, UserError, UserErrorCode};
use crate::domain::{
    Decimal,
    text::{self, TextFault},
};

/// Most lines in one order.
pub const MAX_ORDER_LINES: usize = 100;
/// Most units in one line or stock adjustment.
pub const MAX_QUANTITY: i32 = 1_000_000;
/// Most labels of a product.
pub const MAX_TAGS: usize = 50;
/// The highest price of one unit.
pub const MAX_PRICE: Decimal = Decimal::from_units(1_000_000_000 * 10_000);

/// Collects the errors of an input.
#[derive(Default)]
pub(super) struct Checks(Vec<UserError>);

impl Checks {
    /// Records an error of the field at `path`.
    pub fn fault(&mut self, path: &[&str], message: impl Into<String>) {
        self.0.push(UserError::at(UserErrorCode::InvalidInput, path, message));
    }

    /// The new value of a field that an update may leave out, but not remove.
    pub fn not_null<T>(&mut self, field: &str, value: Option<Option<T>>) -> Option<T> {
        if matches!(value, Some(None)) {
            self.fault(&[field], "must not be null: leave it out to keep its value");
        }
        value.flatten()
    }

    /// What a rule of [`text`] makes of a value; an empty one if it refuses the value, which is recorded.
    fn checked<T: Default>(&mut self, field: &str, value: Result<T, TextFault>) -> T {
        value.unwrap_or_else(|fault| {
            self.fault(&[field], fault.to_string());
            T::default()
        })
    }

    /// One line of text, see [`text::line`].
    pub fn line(&mut self, field: &str, value: &str) -> String {
        self.checked(field, text::line(value))
    }

    /// An optional line; an empty one counts as none.
    pub fn optional_line(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        value.filter(|value| !value.trim().is_empty()).map(|value| self.line(field, value))
    }

    /// A stock keeping unit, see [`text::sku`].
    pub fn sku(&mut self, field: &str, value: &str) -> String {
        self.checked(field, text::sku(value))
    }

    /// Text of any number of lines, see [`text::description`]; an empty one counts as none.
    pub fn description(&mut self, field: &str, value: Option<String>) -> Option<String> {
        value.and_then(|value| self.checked(field, text::description(value)))
    }

    /// An e-mail address, see [`text::email`].
    pub fn email(&mut self, field: &str, value: &str) -> String {
        self.checked(field, text::email(value))
    }

    /// A new password, see [`text::check_password`].
    pub fn password(&mut self, field: &str, value: &str) {
        self.checked(field, text::check_password(value));
    }

    /// A price of one unit.
    pub fn price(&mut self, field: &str, value: Decimal) {
        if value < Decimal::ZERO || value > MAX_PRICE {
            self.fault(&[field], format!("must be between 0 and {MAX_PRICE}"));
        }
    }

    /// An amount that is stored already, by whatever limits held then.
    pub fn not_negative(&mut self, field: &str, value: Decimal) {
        if value < Decimal::ZERO {
            self.fault(&[field], "must not be negative");
        }
    }

    /// The version of an entity that is imported.
    pub fn version(&mut self, value: i32) {
        if value < 1 {
            self.fault(&["version"], "must be above 0");
        }
    }

    /// Labels: trimmed, each a line, without repeats.
    pub fn tags(&mut self, field: &str, values: &[String]) -> Vec<String> {
        if values.len() > MAX_TAGS {
            self.fault(&[field], format!("must have at most {MAX_TAGS} entries"));
            return Vec::new();
        }
        let mut tags: Vec<String> = Vec::with_capacity(values.len());
        for value in values {
            let tag = self.line(field, value);
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    /// A client's idempotency key.
    pub fn idempotency_key(&mut self, value: &str) -> String {
        self.line("idempotencyKey", value)
    }

    /// Fails if an error was recorded.
    pub fn finish(self) -> super::Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(ServiceError::User(self.0)) }
    }
}
