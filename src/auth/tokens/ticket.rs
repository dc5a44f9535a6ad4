//! Stream tickets: each opens one event stream, and resumes it, where no header can be sent.
//!
//! A ticket is signed like an access token and has an audience, which an access token has not, so neither passes for
//! the other. It names the hash of the one operation that it is good for. In place of the session's id it has a handle,
//! which only this server can read: a URL ends up in logs and histories.
//!
//! Decision: `docs/decisions/0009-stream-tickets.md`.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::{AccessTokens, ISSUER, MAX_TOKEN_BYTES, TokenError};
use crate::domain::{SessionId, Timestamp, UserId};

const AUDIENCE: &str = "orderwire:stream";

/// SHA-256 of an operation.
pub type OperationHash = [u8; 32];

/// A ticket for a client.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamTicket {
    /// The JWT.
    pub value: String,
    /// The stream must begin before this time.
    pub expires_at: Timestamp,
}

impl fmt::Debug for StreamTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamTicket").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What a good ticket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketClaims {
    /// The user whom the ticket was issued to.
    pub user: UserId,
    /// The session of the ticket. The storage knows whether it has ended.
    pub session: SessionId,
    /// The operation that the ticket is good for.
    pub operation: OperationHash,
    /// The stream must begin before this time.
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct JwtClaims {
    sub: UserId,
    /// The handle of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    ses: Option<String>,
    /// The session itself, in tickets of older versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    op: String,
    exp: i64,
    iss: String,
    aud: String,
}

impl AccessTokens {
    /// How long after it was made a ticket can begin a stream.
    pub const TICKET_LIFETIME: Duration = Duration::from_secs(60);

    /// A ticket for a stream of `user` in `session`.
    pub fn issue_ticket(
        &self,
        user: UserId,
        session: SessionId,
        operation: OperationHash,
        now: Timestamp,
    ) -> Result<StreamTicket, TokenError> {
        let exp = now.plus(Self::TICKET_LIFETIME).unix_millis().div_euclid(1000);
        let claims = JwtClaims {
            sub: user,
            ses: Some(BASE64_URL_SAFE_NO_PAD.encode(self.handles.make(session))),
            sid: None,
            op: BASE64_URL_SAFE_NO_PAD.encode(operation),
            exp,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        };
        let value = encode(&self.header, &claims, &self.signing).map_err(|_| TokenError::Signing)?;
        Ok(StreamTicket { value, expires_at: Timestamp::from_unix_millis(exp.saturating_mul(1000)) })
    }

    /// What a ticket of ours says, also one that can begin no stream any more.
    pub fn read_ticket(&self, ticket: &str) -> Result<TicketClaims, TokenError> {
        if ticket.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let mut validation: Validation = self.validation.clone();
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
        let claims = decode::<JwtClaims>(ticket, &self.verifying, &validation).map_err(|_| TokenError::Invalid)?.claims;
        let handle = claims.ses.and_then(|handle| BASE64_URL_SAFE_NO_PAD.decode(handle).ok());
        let session = handle.and_then(|handle| self.handles.read(&handle)).or(claims.sid).ok_or(TokenError::Invalid)?;
        let operation = BASE64_URL_SAFE_NO_PAD.decode(claims.op).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(TicketClaims {
            user: claims.sub,
            session,
            operation: operation.ok_or(TokenError::Invalid)?,
            expires_at: Timestamp::from_unix_millis(claims.exp.saturating_mul(1000)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_999);
    const OPERATION: OperationHash = [3; 32];

    fn tokens() -> AccessTokens {
        AccessTokens::hs256(b"0123456789abcdef0123456789abcdef", std::time::Duration::from_secs(900)).unwrap()
    }

    fn ids() -> (UserId, SessionId) {
        (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]))
    }

    #[test]
    fn tickets_say_what_they_were_made_for() {
        let (user, session) = ids();
        let ticket = tokens().issue_ticket(user, session, OPERATION, NOW).unwrap();
        assert_eq!(ticket.expires_at, Timestamp::from_unix_millis(1_700_000_060_000));
        let claims = TicketClaims { user, session, operation: OPERATION, expires_at: ticket.expires_at };
        assert_eq!(tokens().read_ticket(&ticket.value), Ok(claims));
        assert!(!format!("{ticket:?}").contains(&ticket.value));
    }

    #[test]
    fn a_ticket_does_not_show_its_session() {
        let (user, session) = ids();
        let (first, second) = (
            tokens().issue_ticket(user, session, OPERATION, NOW).unwrap().value,
            tokens().issue_ticket(user, session, OPERATION, NOW).unwrap().value,
        );
        assert_ne!(first, second, "two tickets of a session have different handles");
        let body = first.split('.').nth(1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        let handle = BASE64_URL_SAFE_NO_PAD.decode(claims["ses"].as_str().unwrap()).unwrap();
        assert_eq!((handle.len(), claims.get("sid")), (32, None));
        assert!(!claims.to_string().contains(&session.to_string()), "{claims}");
        assert!(!handle.windows(16).any(|bytes| bytes == session.to_bytes()), "{handle:?}");
    }

    #[test]
    fn tickets_of_older_versions_stay_good() {
        let (user, session) = ids();
        let claims = serde_json::json!({
            "sub": user, "sid": session, "op": BASE64_URL_SAFE_NO_PAD.encode(OPERATION), "exp": 1_700_000_060,
            "iss": ISSUER, "aud": AUDIENCE,
        });
        let ticket = encode(&tokens().header, &claims, &tokens().signing).unwrap();
        let read = tokens().read_ticket(&ticket).unwrap();
        assert_eq!((read.user, read.session, read.operation), (user, session, OPERATION));
    }

    #[test]
    fn tickets_and_access_tokens_do_not_pass_for_each_other() {
        let (user, session) = ids();
        let ticket = tokens().issue_ticket(user, session, OPERATION, NOW).unwrap().value;
        let token = tokens().issue(user, session, NOW).unwrap().token;
        assert_eq!(tokens().verify(&ticket, NOW), Err(TokenError::Invalid));
        assert_eq!(tokens().read_ticket(&token), Err(TokenError::Invalid));
    }

    #[test]
    fn anything_else_is_refused() {
        let (user, session) = ids();
        let ticket = tokens().issue_ticket(user, session, OPERATION, NOW).unwrap().value;
        for at in 0..ticket.len() {
            let mut tampered = ticket.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            assert_eq!(tokens().read_ticket(&tampered), Err(TokenError::Invalid), "{tampered}");
        }
        let other =
            AccessTokens::hs256(b"another secret of thirty-two bytes", std::time::Duration::from_secs(900)).unwrap();
        assert_eq!(other.read_ticket(&ticket), Err(TokenError::Invalid));
        for text in ["", "..", "a.b.c", &"x".repeat(100_000)] {
            assert_eq!(tokens().read_ticket(text), Err(TokenError::Invalid));
        }
    }
}
