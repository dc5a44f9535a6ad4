//! The rules for texts from outside. The API and the imports call the same functions, so both refuse the same values.
//!
//! | text | form that is stored | at most |
//! | --- | --- | --- |
//! | line: name, title, region, label, reason, reference, key | trimmed, NFC, without line breaks and control characters | [`MAX_LINE`] characters |
//! | SKU | a line without invisible characters | [`MAX_LINE`] characters |
//! | description | as it is, without control characters other than line breaks and tabs | [`MAX_TEXT`] bytes |
//! | e-mail address | RFC 8265, lower-case; the domain in Unicode | [`MAX_EMAIL`] bytes |
//! | password | RFC 8265, OpaqueString; only its hash is stored | [`PASSWORD_LENGTH`] characters |
//!
//! Each function is idempotent, and gives the same for all canonically equivalent spellings of a line, an address or a
//! password.

use std::ops::RangeInclusive;

use icu_properties::props::GeneralCategory;
use unicode_normalization::{UnicodeNormalization, is_nfkc};

use super::unicode::{category, is_invisible, is_line_break_or_control};

/// Characters in a one-line text.
pub const MAX_LINE: usize = 200;
/// Bytes in a description, as UTF-8.
pub const MAX_TEXT: usize = 64 * 1024;
/// Bytes in an e-mail address: the longest that fits an SMTP path, RFC 5321 section 4.5.3.1.3.
pub const MAX_EMAIL: usize = 254;
/// Fewest and most characters in a password. The most bounds the cost of hashing it.
pub const PASSWORD_LENGTH: RangeInclusive<usize> = 8..=128;

/// What is wrong with a text, as the end of a sentence that begins with the name of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Nothing is left of the text.
    #[error("must not be empty")]
    Empty,
    /// The text has too many characters.
    #[error("must have at most {0} characters")]
    TooManyCharacters(usize),
    /// The text is too long as UTF-8.
    #[error("must have at most {0} bytes of UTF-8")]
    TooManyBytes(usize),
    /// The password is too short or too long.
    #[error("must have {least} to {most} characters", least = PASSWORD_LENGTH.start(), most = PASSWORD_LENGTH.end())]
    PasswordLength,
    /// A one-line text has a line break or another control character.
    #[error("must not contain line breaks or other control characters")]
    ControlInLine,
    /// A text has a control character.
    #[error("must not contain control characters other than line breaks and tabs")]
    ControlInText,
    /// A character that nobody sees would make two values of what looks like one.
    #[error("must not contain the invisible character U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// The part before the `@` of an address has a character that such names can't have.
    #[error("must not contain U+{:04X} before the @: only letters, digits and the punctuation of ASCII", u32::from(*.0))]
    NotInAddress(char),
    /// The text has not the form of an e-mail address.
    #[error("must be an e-mail address")]
    NotAnAddress,
}

/// A line: trimmed and in NFC.
pub fn line(text: &str) -> Result<String, TextFault> {
    let text = text.trim();
    let line: String = match text.is_ascii() {
        true => text.chars().take(MAX_LINE + 1).collect(),
        false => text.nfc().take(MAX_LINE + 1).collect(),
    };
    if line.chars().all(is_invisible) {
        Err(TextFault::Empty)
    } else if line.contains(is_line_break_or_control) {
        Err(TextFault::ControlInLine)
    } else if line.chars().count() > MAX_LINE {
        Err(TextFault::TooManyCharacters(MAX_LINE))
    } else {
        Ok(line)
    }
}

/// A stock keeping unit, or another code by which people name one thing: a line in which every character is visible.
pub fn sku(text: &str) -> Result<String, TextFault> {
    let sku = line(trim(text))?;
    match sku.chars().find(|c| is_invisible(*c)) {
        Some(c) => Err(TextFault::Invisible(c)),
        None => Ok(sku),
    }
}

/// A text of any number of lines, unchanged. `None` if it is empty.
pub fn description(text: String) -> Result<Option<String>, TextFault> {
    if text.len() > MAX_TEXT {
        Err(TextFault::TooManyBytes(MAX_TEXT))
    } else if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Err(TextFault::ControlInText)
    } else {
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

/// An e-mail address. The part before the `@` follows the profile UsernameCaseMapped of RFC 8265, section 3.3, without
/// its rules for right-to-left and joining characters, which are refused; the domain follows UTS 46. Whether mail can be
/// delivered is not checked.
pub fn email(text: &str) -> Result<String, TextFault> {
    let (local, domain) = trim(text).split_once('@').ok_or(TextFault::NotAnAddress)?;
    if text.contains(|c: char| c.is_control()) || trim(text).contains(char::is_whitespace) {
        return Err(TextFault::NotAnAddress);
    }
    let local = address_name(local)?;
    let (domain, outcome) = idna::domain_to_unicode(domain);
    let plausible = outcome.is_ok()
        && !domain.is_empty()
        && !domain.contains('@')
        && !domain.starts_with('.')
        && !domain.ends_with('.');
    if !plausible || local.is_empty() || local.contains('@') {
        return Err(TextFault::NotAnAddress);
    }
    let email = format!("{local}@{domain}");
    if email.len() > MAX_EMAIL { Err(TextFault::TooManyBytes(MAX_EMAIL)) } else { Ok(email) }
}

/// The spellings under which an account with this address may be stored: the normalised one, and the one that was stored
/// before addresses were normalised. The first one names the account.
pub fn email_spellings(text: &str) -> Vec<String> {
    let old = text.trim().to_lowercase();
    match email(text) {
        Ok(email) if email != old => vec![email, old],
        _ => vec![old],
    }
}

/// The spellings under which a SKU, label or region may be stored: the normalised one, and the text itself.
pub fn spellings(text: &str) -> Vec<String> {
    let normalised: String = trim(text).nfc().collect();
    if normalised == text { vec![normalised] } else { vec![normalised, text.to_owned()] }
}

/// The password to hash: RFC 8265, section 4.2.2, rules 2 and 4. Spaces of all kinds are one, and characters that are
/// typed in several ways have one form.
pub fn opaque_password(text: &str) -> String {
    let space = |c: char| if !c.is_ascii() && category(c) == GeneralCategory::SpaceSeparator { ' ' } else { c };
    text.chars().map(space).nfc().collect()
}

/// Checks a new password.
pub fn check_password(text: &str) -> Result<(), TextFault> {
    if PASSWORD_LENGTH.contains(&opaque_password(text).chars().count()) {
        Ok(())
    } else {
        Err(TextFault::PasswordLength)
    }
}

/// The text without white space and invisible characters around it, as they come along when a text is pasted.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// The name before the `@`: RFC 8265, section 3.3.2, with characters of the IdentifierClass (RFC 8264, section 4.2).
fn address_name(text: &str) -> Result<String, TextFault> {
    let narrow = |c: char| matches!(c, '\u{ff00}'..='\u{ffef}').then(|| String::from(c).nfkc().collect::<String>());
    let narrowed: String = text.chars().map(|c| narrow(c).unwrap_or_else(|| c.into())).collect();
    let name: String = narrowed.to_lowercase().nfc().collect();
    match name.chars().find(|c| !is_identifier(*c)) {
        Some(c) if is_invisible(c) => Err(TextFault::Invisible(c)),
        Some(c) => Err(TextFault::NotInAddress(c)),
        None => Ok(name),
    }
}

fn is_identifier(c: char) -> bool {
    use GeneralCategory::{
        DecimalNumber, LowercaseLetter, ModifierLetter, NonspacingMark, OtherLetter, SpacingMark, UppercaseLetter,
    };
    let letter_or_digit = || {
        matches!(
            category(c),
            LowercaseLetter
                | UppercaseLetter
                | OtherLetter
                | DecimalNumber
                | ModifierLetter
                | NonspacingMark
                | SpacingMark
        )
    };
    c.is_ascii_graphic() || (letter_or_digit() && !is_invisible(c) && is_nfkc(c.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
pub(super) mod tests;
