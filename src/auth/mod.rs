//! Tokens and passwords: what proves who is asking. Sees the domain only; sessions are kept by the storage.

mod api_key;
mod passwords;
mod refresh;
mod tokens;

pub use api_key::{ApiKeySecret, InvalidApiKey};
pub use passwords::{PasswordCost, PasswordError, Passwords};
pub use refresh::{InvalidRefreshToken, RefreshToken};
pub use tokens::{AccessToken, AccessTokens, Claims, KeyError, OperationHash, StreamTicket, TicketClaims, TokenError};
