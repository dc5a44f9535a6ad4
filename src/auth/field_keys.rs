//! Encrypts secrets that are stored and needed again, such as those that sign webhooks: XChaCha20-Poly1305 with a random nonce.
//!
//! What belongs to another entity or another field can't be decrypted in its place: both are authenticated with the text. Each
//! encrypted text is `NAME:BASE64`, with the name of its key, so that keys can be replaced: new texts are encrypted by the first
//! one.
//!
//! Decision: `docs/decisions/0033-webhooks.md`.

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce, which begins an encrypted text.
const NONCE_BYTES: usize = 24;

/// The text of the keys can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFieldKeys {
    /// It is not a list of keys.
    #[error(
        "must be NAME:KEY, or several with commas between them, each key {KEY_BYTES} bytes in base64 (openssl rand -base64 32)"
    )]
    Form,
    /// An encrypted text would name two keys.
    #[error("two keys have the same name")]
    SameName,
}

/// An encrypted text can't be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UndecryptableField {
    /// Its key is not there.
    #[error("it is encrypted with the key {0:?}, which webhooks.encryption_keys does not have")]
    UnknownKey(String),
    /// It was changed, belongs elsewhere, or another key has the same name.
    #[error("it does not fit its key")]
    Mismatch,
}

/// The keys that encrypt fields: at least one, the one for new texts first.
#[derive(Clone)]
pub struct FieldKeys(Vec<(String, XChaCha20Poly1305)>);

impl FieldKeys {
    /// Reads keys from a setting.
    pub fn parse(text: &str) -> Result<Self, InvalidFieldKeys> {
        let key = |entry: &str| {
            let (name, key) = entry.trim().split_once(':')?;
            let key = BASE64_STANDARD.decode(key.trim()).ok().filter(|key| key.len() == KEY_BYTES)?;
            let name = Some(name.trim()).filter(|name| !name.is_empty())?;
            Some((name.to_owned(), XChaCha20Poly1305::new_from_slice(&key).ok()?))
        };
        let mut keys: Vec<(String, XChaCha20Poly1305)> = Vec::new();
        for entry in text.split(',') {
            let (name, cipher) = key(entry).ok_or(InvalidFieldKeys::Form)?;
            if keys.iter().any(|(other, _)| *other == name) {
                return Err(InvalidFieldKeys::SameName);
            }
            keys.push((name, cipher));
        }
        Ok(Self(keys))
    }

    /// A key that only this process has.
    pub fn random() -> Self {
        let key: [u8; KEY_BYTES] = rand::random();
        Self(vec![("this process".to_owned(), XChaCha20Poly1305::new(&key.into()))])
    }

    /// Encrypts the text of a field of an entity.
    #[expect(clippy::expect_used, reason = "there is a key, and no text of 256 GiB, the most of the cipher")]
    pub fn encrypt(&self, entity: &str, field: &str, text: &[u8]) -> String {
        let (name, cipher) = self.0.first().expect("a key");
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let place = place(entity, field);
        let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: text, aad: &place });
        let sealed = [&nonce[..], &sealed.expect("a text that is not too long")].concat();
        format!("{name}:{}", BASE64_STANDARD.encode(sealed))
    }

    /// The text of an encrypted field of an entity.
    pub fn decrypt(&self, entity: &str, field: &str, encrypted: &str) -> Result<Vec<u8>, UndecryptableField> {
        let (key, sealed) = encrypted.split_once(':').ok_or(UndecryptableField::Mismatch)?;
        let (_, cipher) = self
            .0
            .iter()
            .find(|(name, _)| name == key)
            .ok_or_else(|| UndecryptableField::UnknownKey(key.to_owned()))?;
        let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| UndecryptableField::Mismatch)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(UndecryptableField::Mismatch)?;
        let place = place(entity, field);
        let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &place });
        opened.map_err(|_| UndecryptableField::Mismatch)
    }
}

/// What is authenticated with a text. No id contains a zero byte.
fn place(entity: &str, field: &str) -> Vec<u8> {
    [entity.as_bytes(), &[0], field.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[(&str, u8)]) -> FieldKeys {
        let entries: Vec<String> =
            names.iter().map(|(name, byte)| format!("{name}:{}", BASE64_STANDARD.encode([*byte; 32]))).collect();
        FieldKeys::parse(&entries.join(", ")).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_field_is_decrypted_only_in_its_place_and_unchanged() {
        let keys = keys(&[("a", 1)]);
        let encrypted = keys.encrypt("whk_1", "secret", b"the text");
        assert_eq!(keys.decrypt("whk_1", "secret", &encrypted).as_deref(), Ok(&b"the text"[..]));
        assert_ne!(keys.encrypt("whk_1", "secret", b"the text"), encrypted, "each has a nonce of its own");
        assert!(!encrypted.contains("the text"));
        for (entity, field) in [("whk_2", "secret"), ("whk_1", "other"), ("whk_1secret", "")] {
            assert_eq!(keys.decrypt(entity, field, &encrypted), Err(UndecryptableField::Mismatch));
        }
        let mut bytes = BASE64_STANDARD.decode(encrypted.strip_prefix("a:").unwrap()).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            let changed = format!("a:{}", BASE64_STANDARD.encode(&bytes));
            assert_eq!(keys.decrypt("whk_1", "secret", &changed), Err(UndecryptableField::Mismatch), "byte {place}");
            bytes[place] ^= 1;
        }
        for short in ["a:aaaa", "a:", "a", ""] {
            assert_eq!(keys.decrypt("whk_1", "secret", short), Err(UndecryptableField::Mismatch), "{short}");
        }
    }

    #[test]
    fn keys_are_replaced_by_one_in_front() {
        let encrypted = keys(&[("a", 1)]).encrypt("whk_1", "secret", b"text");
        assert_eq!(keys(&[("b", 2), ("a", 1)]).decrypt("whk_1", "secret", &encrypted).unwrap(), b"text");
        assert_eq!(keys(&[("b", 2), ("a", 1)]).encrypt("whk_1", "secret", b"text")[..2], *"b:");
        let unknown = Err(UndecryptableField::UnknownKey("a".to_owned()));
        assert_eq!(keys(&[("b", 2)]).decrypt("whk_1", "secret", &encrypted), unknown);
        assert_eq!(keys(&[("a", 2)]).decrypt("whk_1", "secret", &encrypted), Err(UndecryptableField::Mismatch));
    }

    #[test]
    fn other_texts_are_no_keys() {
        let short = BASE64_STANDARD.encode([1; 31]);
        for text in ["", "a", "a:", "a:b", &format!("a:{short}"), &format!(":{}", BASE64_STANDARD.encode([1; 32]))] {
            assert_eq!(FieldKeys::parse(text).err(), Some(InvalidFieldKeys::Form), "{text}");
        }
        let [one, other] = [1, 2].map(|byte| BASE64_STANDARD.encode([byte; 32]));
        let same_name = format!("a:{one}, a:{other}");
        assert_eq!(FieldKeys::parse(&same_name).err(), Some(InvalidFieldKeys::SameName));
    }
}
