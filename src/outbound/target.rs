//! The URLs that requests may go to.

use http::{HeaderValue, Uri, uri::PathAndQuery};

/// The longest URL, in bytes.
const LONGEST: usize = 2048;
/// Ports below 1024 that serve HTTP. The others belong to services that must not be sent requests.
const LOW_PORTS: [u16; 2] = [80, 443];

/// Why a URL can't be a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// It is no absolute URL.
    #[error("must be an absolute URL, such as https://example.com/hooks")]
    Malformed,
    /// It has characters that a request can't have.
    #[error(
        "must be in ASCII: the name of a server with other letters begins with xn--, elsewhere they are percent-encoded"
    )]
    NotAscii,
    /// It is too long.
    #[error("must have at most {LONGEST} bytes")]
    TooLong,
    /// Its scheme is another one.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// It has a user name or a password.
    #[error("must not contain a user name or a password; receivers check the signature")]
    Credentials,
    /// It has a fragment.
    #[error("must not contain a fragment (#)")]
    Fragment,
    /// Its port belongs to another service.
    #[error("the port {0} is not allowed: use 443, 80, or one from 1024 on")]
    Port(u16),
}

/// A URL that requests may go to, if its addresses may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether it is `https`.
    pub is_secure: bool,
    /// The name or address of the server; an IPv6 address is without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The host and the port as the header `Host` has them.
    pub authority: HeaderValue,
    /// The path with the query.
    pub path: PathAndQuery,
}

impl Target {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, InvalidTarget> {
        if url.len() > LONGEST {
            return Err(InvalidTarget::TooLong);
        }
        if !url.is_ascii() {
            return Err(InvalidTarget::NotAscii);
        }
        if url.contains('#') {
            return Err(InvalidTarget::Fragment);
        }
        let (scheme, _) = url.split_once("://").ok_or(InvalidTarget::Malformed)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidTarget::Scheme),
        };
        let uri: Uri = url.parse().map_err(|_| InvalidTarget::Malformed)?;
        let authority = uri.authority().ok_or(InvalidTarget::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(InvalidTarget::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let has_port = !authority.as_str().ends_with(authority.host());
        let port = match authority.port_u16() {
            Some(port) => port,
            None if has_port => return Err(InvalidTarget::Malformed),
            None if is_secure => 443,
            None => 80,
        };
        if host.is_empty() {
            return Err(InvalidTarget::Malformed);
        }
        if port < 1024 && !LOW_PORTS.contains(&port) {
            return Err(InvalidTarget::Port(port));
        }
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| InvalidTarget::Malformed)?;
        Ok(Self { is_secure, host, port, authority, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<(bool, String, u16, String), InvalidTarget> {
        Target::parse(url).map(|target| (target.is_secure, target.host, target.port, target.path.to_string()))
    }

    #[test]
    fn urls_are_read_into_their_parts() {
        for (url, secure, host, port, path) in [
            ("https://example.com", true, "example.com", 443, "/"),
            ("HTTP://example.com/a?b=c", false, "example.com", 80, "/a?b=c"),
            ("https://example.com:8443/a", true, "example.com", 8443, "/a"),
            ("http://[2001:db8::1]:8080/x", false, "2001:db8::1", 8080, "/x"),
            ("http://[::1]", false, "::1", 80, "/"),
            ("http://2130706433/", false, "2130706433", 80, "/"),
        ] {
            assert_eq!(parsed(url), Ok((secure, host.to_owned(), port, path.to_owned())), "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        for (url, reason) in [
            ("", InvalidTarget::Malformed),
            ("example.com/hooks", InvalidTarget::Malformed),
            ("//example.com", InvalidTarget::Malformed),
            ("https://", InvalidTarget::Malformed),
            ("https://exa mple.com", InvalidTarget::Malformed),
            ("https://example.com:99999/", InvalidTarget::Malformed),
            ("https://example.com:/", InvalidTarget::Malformed),
            ("https://m\u{fc}nchen.example/", InvalidTarget::NotAscii),
            ("https://example.com/stra\u{df}e", InvalidTarget::NotAscii),
            ("ftp://example.com/", InvalidTarget::Scheme),
            ("file:///etc/passwd", InvalidTarget::Scheme),
            ("gopher://example.com/", InvalidTarget::Scheme),
            ("https://user:secret@example.com/", InvalidTarget::Credentials),
            ("https://user@example.com/", InvalidTarget::Credentials),
            ("https://example.com/#part", InvalidTarget::Fragment),
            ("https://example.com:25/", InvalidTarget::Port(25)),
            ("http://example.com:22/", InvalidTarget::Port(22)),
            ("http://example.com:0/", InvalidTarget::Port(0)),
        ] {
            assert_eq!(parsed(url), Err(reason), "{url}");
        }
        assert_eq!(parsed(&format!("https://example.com/{}", "a".repeat(LONGEST))), Err(InvalidTarget::TooLong));
    }
}
