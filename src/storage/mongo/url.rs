//! URLs of databases.

use mongodb::{error::Error, options::ConnectionString};

use crate::storage::{Result, StoreError};

/// The database of a URL that names none.
pub(super) const DEFAULT_DATABASE: &str = "orderwire";

/// The parts of a URL. Connects to nothing. No message contains the URL's credentials.
pub(super) fn parse_url(url: &str) -> Result<ConnectionString> {
    ConnectionString::parse(url).map_err(|error| malformed_url(&error, url))
}

/// Fails if a URL is malformed. Connects to nothing. No message contains the URL's credentials.
pub fn check_url(url: &str) -> Result<()> {
    parse_url(url).map(drop)
}

/// The error about a URL that the driver can't parse.
pub(super) fn malformed_url(error: &Error, url: &str) -> StoreError {
    StoreError::internal(without_credentials(&error.kind.to_string(), url))
}

/// The driver's message about a URL that it can't parse, without the user name and password that it may quote.
fn without_credentials(message: &str, url: &str) -> String {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let Some((credentials, _)) = authority.rsplit_once('@') else {
        return format!("not a MongoDB URL: {message}");
    };
    let quoted = credentials.split(':').chain([credentials]).any(|part| !part.is_empty() && message.contains(part));
    let message = if quoted { "percent-encode the user name and password" } else { message };
    format!("not a MongoDB URL: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_repeated() {
        let url = "mongodb://ann:s3cret/x@host/db";
        assert!(!without_credentials("bad host ann:s3cret", url).contains("s3cret"));
        assert!(!without_credentials("bad: s3cret/x", url).contains("s3cret"));
        assert!(without_credentials("no hosts", url).contains("no hosts"));
    }
}
