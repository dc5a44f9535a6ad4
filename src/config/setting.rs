//! Parses and prints the values of settings.

use std::{net::IpAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use http::HeaderName;
use ipnet::IpNet;

/// A type that a setting can have.
pub trait Setting: Sized {
    /// Parses the value. The error says what a valid value looks like and never repeats `text`, which may be a secret.
    fn parse(text: &str) -> Result<Self, String>;

    /// Parses a list of strings; only list settings accept it.
    fn parse_list(_: &[String]) -> Result<Self, String> {
        Err("must be one value, not a list".to_owned())
    }

    /// The value as it is written in the file, secrets masked; `None` when it is not set.
    fn show(&self) -> Option<String>;
}

/// `text` as a quoted TOML string.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

impl Setting for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Setting for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.display().to_string()))
    }
}

impl Setting for bool {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be true or false".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! whole_number {
    ($($type:ty)+) => {$(
        impl Setting for $type {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("must be a whole number from {} to {}", <$type>::MIN, <$type>::MAX))
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}

whole_number!(u32 usize NonZeroUsize);

impl<T: Setting> Setting for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }

    fn parse_list(items: &[String]) -> Result<Self, String> {
        T::parse_list(items).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

impl Setting for Vec<String> {
    /// Items separated by commas.
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }

    fn parse_list(items: &[String]) -> Result<Self, String> {
        Ok(items.to_vec())
    }

    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.iter().map(|item| quoted(item)).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

impl Setting for HeaderName {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be the name of an HTTP header".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self.as_str()))
    }
}

impl Setting for Vec<IpNet> {
    /// Networks or single addresses, separated by commas.
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse_list(&Vec::<String>::parse(text)?)
    }

    fn parse_list(items: &[String]) -> Result<Self, String> {
        let network = |item: &String| item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
        let networks: Result<Self, _> = items.iter().map(network).collect();
        networks.map_err(|_| "must be networks such as 10.0.0.0/8, or addresses".to_owned())
    }

    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.iter().map(|network| quoted(&network.to_string())).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// Units of time in milliseconds, the largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Setting for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be a whole number with ms, s, m, h or d, for example \"30s\" or \"15m\"".to_owned();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(*millis).map(Self::from_millis).ok_or_else(wrong)
    }

    fn show(&self) -> Option<String> {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        let unit = UNITS.iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
        let (name, unit) = unit.copied().unwrap_or(("s", 1000));
        Some(quoted(&format!("{}{name}", millis / unit)))
    }
}

/// Declares an enum whose values are written as fixed words.
macro_rules! keywords {
    ($(#[$about:meta])* $Name:ident { $($(#[$doc:meta])* $Variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name { $($(#[$doc])* $Variant,)+ }

        impl $crate::config::Setting for $Name {
            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$Variant),)+
                    _ => Err(format!("must be {}", [$(concat!("\"", $word, "\"")),+].join(" or "))),
                }
            }

            fn show(&self) -> Option<String> {
                let word = match self { $(Self::$Variant => $word,)+ };
                Some($crate::config::setting::quoted(word))
            }
        }
    };
}
pub(super) use keywords;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, millis, shown) in [
            ("30s", 30_000, "30s"),
            ("90 s", 90_000, "90s"),
            ("15m", 900_000, "15m"),
            ("7d", 604_800_000, "7d"),
            ("24h", 86_400_000, "1d"),
            ("250ms", 250, "250ms"),
            ("0s", 0, "0s"),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(duration.show().unwrap(), format!("\"{shown}\""));
        }
        for bad in ["", "30", "s", "-1s", "1.5h", "1w", "1m30s", "99999999999999999d", "３s"] {
            assert!(Duration::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_are_separated_by_commas() {
        assert_eq!(Vec::<String>::parse(" a, b,,").unwrap(), ["a", "b"]);
    }
}
