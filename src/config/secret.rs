//! Secrets, and URLs with passwords, that are masked when printed.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Setting;

const MASK: &str = "***";

/// A secret, printed as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Setting for Secret {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(MASK))
    }
}

/// A URL that may contain a password, which is masked when the URL is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL with its password.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The part before `://`; empty if there is none.
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    fn masked(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return MASK.to_owned() };
        // A password that is not percent-encoded may contain an @, so the last @ ends it.
        let (user, rest) = match rest.rsplit_once('@') {
            None => (String::new(), rest),
            Some((credentials, rest)) => match credentials.split_once(':') {
                Some((user, _)) => (format!("{user}:{MASK}@"), rest),
                None => (format!("{MASK}@"), rest),
            },
        };
        let Some((place, options)) = rest.split_once('?') else { return format!("{scheme}://{user}{rest}") };
        let options: Vec<String> = options.split('&').map(mask_option).collect();
        format!("{scheme}://{user}{place}?{}", options.join("&"))
    }
}

/// Masks an option of the MongoDB driver if its name says that the value may be secret.
fn mask_option(option: &str) -> String {
    let Some((name, _)) = option.split_once('=') else { return option.to_owned() };
    let lower = name.to_ascii_lowercase();
    let is_secret = ["pass", "secret", "token", "mechanismproperties"].iter().any(|word| lower.contains(word));
    if is_secret { format!("{name}={MASK}") } else { option.to_owned() }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

macro_rules! masked {
    ($($type:ty)+) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}

masked!(Secret SecretUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_are_printed() {
        let secret = Secret::new("hush");
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(format!("{secret} {secret:?} {} {json}", secret.show().unwrap()), "*** *** \"***\" \"***\"");
    }

    #[test]
    fn urls_are_printed_without_password() {
        for (url, masked) in [
            ("redis://cache:6379/0", "redis://cache:6379/0"),
            ("redis://:hush@cache:6379", "redis://:***@cache:6379"),
            ("redis://hush@cache", "redis://***@cache"),
            ("mongodb://ann:hush@a,b/shop?replicaSet=rs0", "mongodb://ann:***@a,b/shop?replicaSet=rs0"),
            ("mongodb://ann:hu@sh/x?y@a/shop", "mongodb://ann:***@a/shop"),
            (
                "mongodb://a/?tlsCertificateKeyFilePassword=hush&tls=true",
                "mongodb://a/?tlsCertificateKeyFilePassword=***&tls=true",
            ),
            ("hush", "***"),
        ] {
            let url = SecretUrl::new(url);
            assert_eq!(url.to_string(), masked);
            assert_eq!(format!("{url:?}"), masked);
        }
    }
}
