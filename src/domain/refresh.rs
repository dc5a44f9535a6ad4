//! Which refresh tokens a session accepts.
//!
//! Decision: `docs/decisions/0020-refresh-tokens.md`.

use std::time::Duration;

use super::Timestamp;

/// SHA-256 of a secret.
pub type TokenHash = [u8; 32];

/// The random part of the step from a refresh token to its successor.
pub type RefreshSalt = [u8; 16];

/// How long a replaced token gives its successor once more: to a second tab that refreshes at the same moment, or to a
/// client that lost the answer.
pub const REFRESH_GRACE: Duration = Duration::from_secs(10);

/// What is stored of the refresh tokens of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTokens {
    /// Hash of the part that all tokens of the session share; `None` in a session of an older version that was not
    /// refreshed since.
    pub family: Option<TokenHash>,
    /// Hash of the current token.
    pub current: TokenHash,
    /// The token before it.
    pub replaced: Option<ReplacedToken>,
}

/// A token that was replaced by its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplacedToken {
    /// Hash of the token.
    pub token: TokenHash,
    /// Makes the successor from the token.
    pub salt: RefreshSalt,
    /// Time of the replacement.
    pub at: Timestamp,
}

/// A refresh token that a client presents, and the successor that it gets if it is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentedToken {
    /// Hash of the part that all tokens of its session share.
    pub family: TokenHash,
    /// Hash of the token.
    pub token: TokenHash,
    /// Hash of the successor.
    pub next: TokenHash,
    /// Makes the successor from the token.
    pub salt: RefreshSalt,
}

/// What becomes of a presented token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The token is current: it is replaced by its successor.
    Replace(RefreshTokens),
    /// The token was replaced a moment ago and its successor is current: the client gets the same successor.
    Repeat(RefreshSalt),
    /// The token was replaced before: somebody else has a copy of it, so the session ends.
    EndSession,
    /// The token was never issued.
    Refuse,
}

impl RefreshTokens {
    /// Decides what becomes of a token that is presented at `now`.
    pub fn present(&self, presented: &PresentedToken, now: Timestamp) -> RefreshDecision {
        if presented.token == self.current {
            return RefreshDecision::Replace(Self {
                family: Some(presented.family),
                current: presented.next,
                replaced: Some(ReplacedToken { token: presented.token, salt: presented.salt, at: now }),
            });
        }
        match self.replaced {
            Some(replaced) if replaced.token == presented.token && now < replaced.at.plus(REFRESH_GRACE) => {
                RefreshDecision::Repeat(replaced.salt)
            }
            _ if self.family == Some(presented.family) => RefreshDecision::EndSession,
            _ => RefreshDecision::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: TokenHash = [9; 32];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn presented(family: TokenHash, token: u8) -> PresentedToken {
        PresentedToken { family, token: [token; 32], next: [token + 1; 32], salt: [token; 16] }
    }

    #[test]
    fn a_replaced_token_gives_its_successor_for_ten_seconds_and_then_ends_the_session() {
        let first = RefreshTokens { family: Some(FAMILY), current: [1; 32], replaced: None };
        let RefreshDecision::Replace(second) = first.present(&presented(FAMILY, 1), at(0)) else {
            panic!("the first token is current");
        };
        assert_eq!(second.current, [2; 32]);
        assert_eq!(second.present(&presented(FAMILY, 1), at(9)), RefreshDecision::Repeat([1; 16]));
        assert_eq!(second.present(&presented(FAMILY, 1), at(10)), RefreshDecision::EndSession);
        let RefreshDecision::Replace(third) = second.present(&presented(FAMILY, 2), at(1)) else {
            panic!("the second token is current");
        };
        assert_eq!(third.present(&presented(FAMILY, 1), at(1)), RefreshDecision::EndSession, "its successor was used");
    }

    #[test]
    fn a_token_that_was_never_issued_changes_nothing() {
        let tokens = RefreshTokens { family: Some(FAMILY), current: [1; 32], replaced: None };
        assert_eq!(tokens.present(&presented([8; 32], 7), at(0)), RefreshDecision::Refuse);
    }

    #[test]
    fn a_session_of_an_older_version_gets_its_family_from_the_current_token() {
        let old = RefreshTokens { family: None, current: [1; 32], replaced: None };
        assert_eq!(old.present(&presented(FAMILY, 7), at(0)), RefreshDecision::Refuse);
        let RefreshDecision::Replace(next) = old.present(&presented(FAMILY, 1), at(0)) else {
            panic!("the token is current");
        };
        assert_eq!(next.family, Some(FAMILY));
    }
}
