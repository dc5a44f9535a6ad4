//! Signatures of deliveries and the secrets that make them, as Standard Webhooks 1.0 has them (symmetric, `v1`).
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac, digest::InvalidLength};
use sha2::Sha256;

/// Begins the text of a secret.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const BYTES: usize = 32;

/// A new secret.
pub(super) fn new_secret() -> Vec<u8> {
    rand::random::<[u8; BYTES]>().to_vec()
}

/// The text of a secret, as receivers are given it.
pub(super) fn secret_text(secret: &[u8]) -> String {
    format!("{PREFIX}{}", BASE64_STANDARD.encode(secret))
}

/// The header `webhook-signature`: one signature for each secret, with spaces between them.
pub(super) fn signatures(secrets: &[Vec<u8>], id: &str, timestamp: i64, body: &[u8]) -> Result<String, InvalidLength> {
    let sign = |secret: &Vec<u8>| {
        let mac = Hmac::<Sha256>::new_from_slice(secret)?;
        let mac = mac.chain_update(format!("{id}.{timestamp}.")).chain_update(body);
        Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    };
    Ok(secrets.iter().map(sign).collect::<Result<Vec<_>, _>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::*;

    fn headers(id: &str, timestamp: i64, signature: &str) -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", id.parse().unwrap());
        headers.insert("webhook-timestamp", timestamp.into());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    #[test]
    fn the_official_library_verifies_what_either_secret_signs() {
        let [new, old, other] = [(); 3].map(|()| new_secret());
        let now = jiff::Timestamp::now().as_second();
        let (id, body) = ("evt_01J9Z3NDEKTSV4RRFFQ69G5FAV", "{\"type\":\"order.placed\",\"data\":\"äöü 🎉\"}");
        let signature = signatures(&[new.clone(), old.clone()], id, now, body.as_bytes()).unwrap();
        let verifies = |secret: &[u8], id: &str, timestamp: i64, body: &str| {
            let receiver = Webhook::new(&secret_text(secret)).unwrap();
            receiver.verify(body.as_bytes(), &headers(id, timestamp, &signature)).is_ok()
        };
        assert!(verifies(&new, id, now, body) && verifies(&old, id, now, body));
        assert!(!verifies(&other, id, now, body), "another secret");
        assert!(!verifies(&new, "evt_other", now, body), "another id");
        assert!(!verifies(&new, id, now - 1, body), "another time");
        assert!(!verifies(&new, id, now, "{}"), "another body");
    }

    /// The example of the specification's reference implementations.
    #[test]
    fn a_known_message_has_its_known_signature() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = "{\"test\": 2432232314}";
        let signature = signatures(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body.as_bytes());
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
