//! Checks of clients' input. All errors of an input are reported together.

use super::{Result, ServiceError, UserError, UserErrorCode};
use crate::domain::Decimal;

/// Most lines in one order.
pub const MAX_ORDER_LINES: usize = 100;
/// Most units in one line or stock adjustment.
pub const MAX_QUANTITY: i32 = 1_000_000;
/// Most labels of a product.
pub const MAX_TAGS: usize = 50;
/// Characters in a name, title, SKU, region or other one-line text.
pub const MAX_LINE: usize = 200;
/// Characters in a description.
pub const MAX_TEXT: usize = 100_000;
/// Fewest and most characters in a password. The most bounds the cost of hashing it.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=128;
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

    /// One line of text without control characters, trimmed, not empty.
    pub fn line(&mut self, field: &str, value: &str) -> String {
        let value = value.trim();
        if value.is_empty() {
            self.fault(&[field], "must not be empty");
        } else if value.chars().count() > MAX_LINE {
            self.fault(&[field], format!("must have at most {MAX_LINE} characters"));
        } else if value.chars().any(char::is_control) {
            self.fault(&[field], "must not contain control characters");
        }
        value.to_owned()
    }

    /// An optional line; an empty one counts as none.
    pub fn optional_line(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        value.filter(|value| !value.trim().is_empty()).map(|value| self.line(field, value))
    }

    /// Text of any number of lines, without other control characters; an empty one counts as none.
    pub fn text(&mut self, field: &str, value: Option<String>) -> Option<String> {
        let value = value.filter(|value| !value.is_empty())?;
        if value.chars().count() > MAX_TEXT {
            self.fault(&[field], format!("must have at most {MAX_TEXT} characters"));
        } else if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.fault(&[field], "must not contain control characters other than line breaks and tabs");
        }
        Some(value)
    }

    /// An e-mail address, lower-cased. Only its form is checked, not whether mail can be delivered.
    pub fn email(&mut self, field: &str, value: &str) -> String {
        let value = value.trim().to_lowercase();
        let plausible = value.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
        });
        // 254: the longest address that fits an SMTP path, RFC 5321 section 4.5.3.1.3.
        if !plausible || value.len() > 254 || value.chars().any(|c| c.is_control() || c.is_whitespace()) {
            self.fault(&[field], "must be an e-mail address");
        }
        value
    }

    /// A password of acceptable length.
    pub fn password(&mut self, field: &str, value: &str) {
        if !PASSWORD_LENGTH.contains(&value.chars().count()) {
            let (least, most) = (PASSWORD_LENGTH.start(), PASSWORD_LENGTH.end());
            self.fault(&[field], format!("must have {least} to {most} characters"));
        }
    }

    /// A price of one unit.
    pub fn price(&mut self, field: &str, value: Decimal) {
        if value < Decimal::ZERO || value > MAX_PRICE {
            self.fault(&[field], format!("must be between 0 and {MAX_PRICE}"));
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
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(ServiceError::User(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(check: impl FnOnce(&mut Checks)) -> usize {
        let mut checks = Checks::default();
        check(&mut checks);
        checks.0.len()
    }

    #[test]
    fn lines_are_trimmed_and_bounded() {
        assert_eq!(Checks::default().line("name", "  Bücher "), "Bücher");
        for bad in ["", "  ", "a\0b", "a\nb", "\u{1b}[31m", &"x".repeat(MAX_LINE + 1)] {
            assert_eq!(faults(|checks| drop(checks.line("name", bad))), 1, "{bad:?}");
        }
    }

    #[test]
    fn emails_are_lower_cased_and_plausible() {
        assert_eq!(Checks::default().email("email", " Ada@Example.COM "), "ada@example.com");
        for bad in ["", "ada", "@example.com", "ada@", "a b@example.com", "a@b@c", "a@.com", "a\0@b.c"] {
            assert_eq!(faults(|checks| drop(checks.email("email", bad))), 1, "{bad:?}");
        }
    }

    #[test]
    fn texts_keep_line_breaks_but_no_other_controls() {
        assert_eq!(faults(|checks| drop(checks.text("description", Some("a\r\n\tb".into())))), 0);
        assert_eq!(faults(|checks| drop(checks.text("description", Some("a\0b".into())))), 1);
    }
}
