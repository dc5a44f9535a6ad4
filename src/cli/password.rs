//! Generates passwords, and reads them from a terminal or standard input.

use std::io::{self, BufRead, IsTerminal};

use rand::Rng;

use super::Failure;

const LENGTH: usize = 20;
/// Letters and digits, without those that look alike.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A random password of 20 characters (116 bits).
pub(super) fn generate() -> String {
    let mut random = rand::rng();
    (0..LENGTH).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

/// The first line of standard input, without its line break.
pub(super) fn from_stdin() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("cannot read the password: {error}")))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(Failure::new("standard input has no password"));
    }
    Ok(password.to_owned())
}

/// Asks twice on the terminal, without echo. `None` if there is no terminal or the answer is empty.
pub(super) fn ask() -> Result<Option<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let prompt = |text: &str| {
        rpassword::prompt_password(text).map_err(|error| Failure::new(format!("cannot read the password: {error}")))
    };
    let password = prompt("Password (leave empty to generate one): ")?;
    if password.is_empty() {
        return Ok(None);
    }
    if prompt("Repeat the password: ")? != password {
        return Err(Failure::new("the two passwords differ"));
    }
    Ok(Some(password))
}
