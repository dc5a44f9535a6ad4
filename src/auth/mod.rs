//! Tokens and passwords: what proves who is asking, and keys for secrets that are stored. Sees the domain only; sessions are
//! kept by the storage.

mod api_key;
mod field_keys;
mod passwords;
mod refresh;
mod tokens;

pub use api_key::{ApiKeySecret, InvalidApiKey};
pub use field_keys::{FieldKeys, InvalidFieldKeys, UndecryptableField};
pub use passwords::{PasswordCost, PasswordError, Passwords};
pub use refresh::{InvalidRefreshToken, RefreshToken};
pub use tokens::{AccessToken, AccessTokens, Claims, KeyError, OperationHash, StreamTicket, TicketClaims, TokenError};
