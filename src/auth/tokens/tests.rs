use super::*;

const LIFETIME: Duration = Duration::from_secs(15 * 60);
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_999);

fn ids() -> (UserId, SessionId) {
    (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]))
}

fn issued(tokens: &AccessTokens) -> AccessToken {
    let (user, session) = ids();
    tokens.issue(user, session, NOW).unwrap()
}

fn pair(name: &str) -> (Vec<u8>, Vec<u8>) {
    let (private, public) = match name {
        "ed25519" => (ED_PRIVATE, ED_PUBLIC),
        "other ed25519" => (OTHER_ED_PRIVATE, OTHER_ED_PUBLIC),
        _ => (P256_PRIVATE, P256_PUBLIC),
    };
    let pem = |label: &str, body: &str| format!("-----BEGIN {label} KEY-----\n{body}\n-----END {label} KEY-----\n");
    (pem("PRIVATE", private).into_bytes(), pem("PUBLIC", public).into_bytes())
}

/// Every kind of key.
fn all() -> [AccessTokens; 3] {
    let from_pair = |name| {
        let (private, public) = pair(name);
        AccessTokens::from_pem(&private, &public, LIFETIME).unwrap()
    };
    [AccessTokens::hs256(SECRET, LIFETIME).unwrap(), from_pair("ed25519"), from_pair("p256")]
}

fn base64(text: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn issued_tokens_verify_until_the_very_millisecond_of_their_expiry() {
    for tokens in all() {
        let token = issued(&tokens);
        assert_eq!(token.expires_at, Timestamp::from_unix_millis(1_700_000_900_000), "{tokens:?}");
        let (user, session) = ids();
        let claims = Claims { user, session, expires_at: token.expires_at };
        let last = token.expires_at.minus(Duration::from_millis(1));
        assert_eq!(tokens.verify(&token.token, NOW), Ok(claims));
        assert_eq!(tokens.verify(&token.token, last), Ok(claims));
        assert_eq!(tokens.verify(&token.token, token.expires_at), Err(TokenError::Expired));
    }
}

#[test]
fn a_token_with_another_signature_is_refused_although_the_token_was_verified() {
    for (tokens, other) in all().iter().zip(all().iter().cycle().skip(1)) {
        let [good, foreign] = [tokens, other].map(|tokens| issued(tokens).token);
        assert!(tokens.verify(&good, NOW).is_ok());
        let (message, signature) = good.rsplit_once('.').unwrap();
        let (_, foreign_signature) = foreign.rsplit_once('.').unwrap();
        for other in [foreign_signature, &signature.replacen(|c| c != 'A', "A", 1), ""] {
            assert_eq!(tokens.verify(&format!("{message}.{other}"), NOW), Err(TokenError::Invalid), "{tokens:?}");
        }
        assert!(tokens.verify(&good, NOW).is_ok());
    }
}

#[test]
fn the_lifetime_can_be_set() {
    let tokens = AccessTokens::hs256(SECRET, Duration::from_secs(2)).unwrap();
    assert_eq!(issued(&tokens).expires_at, Timestamp::from_unix_millis(1_700_000_002_000));
}

#[test]
fn a_change_of_any_character_is_noticed() {
    for tokens in all() {
        let token = issued(&tokens).token;
        for at in 0..token.len() {
            let mut tampered = token.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            assert_eq!(tokens.verify(&tampered, NOW), Err(TokenError::Invalid), "{tampered}");
        }
    }
}

#[test]
fn tokens_of_other_keys_and_algorithms_are_refused() {
    let other = AccessTokens::hs256(b"another secret of thirty-two bytes", LIFETIME).unwrap();
    let all: Vec<_> = all().into_iter().chain([other]).collect();
    for (i, signer) in all.iter().enumerate() {
        let token = issued(signer).token;
        for (j, verifier) in all.iter().enumerate() {
            assert_eq!(verifier.verify(&token, NOW).is_ok(), i == j, "{signer:?} {verifier:?}");
        }
    }
}

/// The classic attack: an HMAC over the token with the public key's text as its secret.
#[test]
fn a_public_key_is_no_hmac_secret() {
    let (private, public) = pair("ed25519");
    let forged = issued(&AccessTokens::hs256(&public, LIFETIME).unwrap()).token;
    let tokens = AccessTokens::from_pem(&private, &public, LIFETIME).unwrap();
    assert_eq!(tokens.verify(&forged, NOW), Err(TokenError::Invalid));
}

#[test]
fn unsigned_tokens_are_refused() {
    let (user, session) = ids();
    let claims = base64(&format!(r#"{{"sub":"{user}","sid":"{session}","iat":1,"exp":9999999999,"iss":"orderwire"}}"#));
    for tokens in all() {
        let signature = issued(&tokens).token.rsplit_once('.').unwrap().1.to_owned();
        for algorithm in ["none", "None", "NONE", "HS512", "RS256", ""] {
            let header = base64(&format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#));
            for signature in ["", signature.as_str()] {
                let token = format!("{header}.{claims}.{signature}");
                assert_eq!(tokens.verify(&token, NOW), Err(TokenError::Invalid), "{token}");
            }
        }
    }
}

#[test]
fn other_claims_are_refused() {
    let tokens = AccessTokens::hs256(SECRET, LIFETIME).unwrap();
    let (user, session) = ids();
    let good = serde_json::json!({"sub": user, "sid": session, "iat": 1, "exp": 9_999_999_999_i64, "iss": "orderwire"});
    let signed = |claims: &serde_json::Value| encode(&tokens.header, claims, &tokens.signing).unwrap();
    assert!(tokens.verify(&signed(&good), NOW).is_ok());
    for (claim, value) in [
        ("iss", serde_json::json!("another")),
        ("sub", serde_json::json!(session)),
        ("sid", serde_json::json!(user)),
        ("exp", serde_json::json!("9999999999")),
        ("exp", serde_json::json!(null)),
        ("aud", serde_json::json!("another")),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        assert_eq!(tokens.verify(&signed(&claims), NOW), Err(TokenError::Invalid), "{claims}");
    }
    for missing in ["iss", "sub", "sid", "exp"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(missing);
        assert_eq!(tokens.verify(&signed(&claims), NOW), Err(TokenError::Invalid), "{missing}");
    }
}

#[test]
fn things_that_are_no_tokens_are_refused() {
    let tokens = AccessTokens::hs256(SECRET, LIFETIME).unwrap();
    for text in ["", ".", "..", "a.b.c", "...", "é.é.é", &"x".repeat(100_000)] {
        assert_eq!(tokens.verify(text, NOW), Err(TokenError::Invalid));
    }
}

#[test]
fn bad_keys_are_refused() {
    let error = |result: Result<AccessTokens, KeyError>| result.err();
    assert_eq!(error(AccessTokens::hs256(&SECRET[..31], LIFETIME)), Some(KeyError::ShortSecret(31)));
    let (ed, ed_public) = pair("ed25519");
    let (_, other_public) = pair("other ed25519");
    let (p256, p256_public) = pair("p256");
    assert_eq!(error(AccessTokens::from_pem(&ed, &other_public, LIFETIME)), Some(KeyError::NotAPair));
    assert_eq!(error(AccessTokens::from_pem(&ed, &p256_public, LIFETIME)), Some(KeyError::PublicKey));
    assert_eq!(error(AccessTokens::from_pem(&p256, &ed_public, LIFETIME)), Some(KeyError::PublicKey));
    assert_eq!(error(AccessTokens::from_pem(&ed_public, &ed_public, LIFETIME)), Some(KeyError::PrivateKey));
    assert_eq!(error(AccessTokens::from_pem(b"", b"", LIFETIME)), Some(KeyError::PrivateKey));
}

#[test]
fn debug_output_holds_no_secrets() {
    let tokens = AccessTokens::hs256(SECRET, LIFETIME).unwrap();
    let token = issued(&tokens);
    let printed = format!("{tokens:?} {token:?}");
    assert!(!printed.contains(&token.token) && !printed.contains("0123"), "{printed}");
    assert!(!printed.contains(&format!("{SECRET:?}")[1..20]), "{printed}");
}

const ED_PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEIG+ztLkOjZMTRg1lVuCXVgY8769eP7sR1y2nX8cydOZS";
const ED_PUBLIC: &str = "MCowBQYDK2VwAyEAQN+2g0ylWgpC7/oApXxSMXnF4jFi2i4OyO/L4zTPMFs=";
const OTHER_ED_PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEIBG3n2WQBAjJah0w2MojsczDfld7Tv+b6898gNWU7AMD";
const OTHER_ED_PUBLIC: &str = "MCowBQYDK2VwAyEA/SJ+BA7ySVov1Kgv7GbAFS5VX+/lQQwnxnLNXLq0yFo=";
const P256_PRIVATE: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4wdrePkEHN+dJaa8\nITDBtBLcoJmqW9QV6fIjezDxMHChRANCAASuHpAXpDaZrzJYmvBL9wvlz0OJss3P\nMlDogPbvctnOpPO0TRLrZNxHwoUVVv+qEblfnQhGRFPUWIwaQlmzvRG4";
const P256_PUBLIC: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErh6QF6Q2ma8yWJrwS/cL5c9DibLN\nzzJQ6ID273LZzqTztE0S62TcR8KFFVb/qhG5X50IRkRT1FiMGkJZs70RuA==";
