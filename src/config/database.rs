//! The database and its connections.

use std::{fmt, path::PathBuf, time::Duration};

use super::{SecretUrl, Setting, section::section, setting::keywords};

/// Which storage engine to use and where its data is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// SQLite, in this file.
    Sqlite(PathBuf),
    /// SQLite, in a temporary folder that is deleted when the store closes.
    Temporary,
    /// MongoDB: `mongodb://` or `mongodb+srv://`.
    Mongo(SecretUrl),
}

impl Default for DatabaseUrl {
    /// `sqlite://orderwire.db`.
    fn default() -> Self {
        Self::Sqlite("orderwire.db".into())
    }
}

impl Setting for DatabaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "must be sqlite://FILE, sqlite:///ABSOLUTE/FILE, mongodb://HOST/NAME?replicaSet=… or mongodb+srv://HOST/NAME";
        let (scheme, rest) = text.split_once("://").ok_or(EXPECTED)?;
        match scheme {
            "sqlite" if rest == ":memory:" => Ok(Self::Temporary),
            "sqlite" if rest.is_empty() => {
                Err("has no file name: write, for example, sqlite://orderwire.db".to_owned())
            }
            "sqlite" if rest.contains('?') => Err("must not have options after the file name".to_owned()),
            "sqlite" => Ok(Self::Sqlite(rest.into())),
            "mongodb" | "mongodb+srv" if !rest.is_empty() => Ok(Self::Mongo(SecretUrl::new(text))),
            _ => Err(EXPECTED.to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(&self.to_string()))
    }
}

impl fmt::Display for DatabaseUrl {
    /// The URL, with its password masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Temporary => f.write_str("sqlite://:memory:"),
            Self::Mongo(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

keywords! {
    /// Which servers answer reads of entities and lists.
    ReadFrom {
        /// The primary.
        Primary = "primary",
        /// The server with the shortest way.
        Nearest = "nearest",
        /// A secondary, if there is one.
        Secondary = "secondary",
    }
}

section! {
    /// The database.
    "database" Database {
        /// The database: `sqlite://FILE` (embedded, nothing to install; `sqlite:///…` for an absolute path,
        /// `sqlite://:memory:` for a database that is deleted at exit), or a MongoDB replica set or sharded cluster:
        /// `mongodb://HOST/NAME?replicaSet=…` or `mongodb+srv://HOST/NAME`.
        url: DatabaseUrl = DatabaseUrl::default(), env "DATABASE_URL";
        /// SQLite: how many reads may run at the same time.
        sqlite_readers: usize = 4, in 1..=256;
        /// SQLite: how many bytes of pages all connections together keep in memory: half of them for writes.
        sqlite_page_cache: usize = 64 * 1024 * 1024, in 4 * 1024 * 1024..=64 * 1024 * 1024 * 1024;
        /// SQLite: how many bytes of the file the reading connections map into memory, all together. They count as memory
        /// of the process, but the system can take them back at any time.
        sqlite_mmap: usize = 256 * 1024 * 1024, in 0..=1024 * 1024 * 1024 * 1024;
        /// SQLite: the most bytes that it takes for everything else than mapped pages: page cache, statements, sorting. An
        /// operation that needs more fails with UNAVAILABLE. At least 32 MiB more than `sqlite_page_cache`.
        sqlite_heap: usize = 256 * 1024 * 1024, in 36 * 1024 * 1024..=1024 * 1024 * 1024 * 1024;
        /// SQLite: how long a write waits for another process that is writing to the same file.
        sqlite_busy_timeout: Duration = Duration::from_secs(5), in Duration::ZERO..=Duration::from_secs(300);
        /// MongoDB: which servers answer reads of entities and lists: `primary`, `nearest` (the one with the shortest way)
        /// or `secondary` (one, if there is one). They answer as exactly as the primary; one that is behind waits.
        /// Needs `cache.bytes` above 0.
        read_from: ReadFrom = ReadFrom::Primary;
        /// MongoDB: how many connections the pool keeps open even when idle.
        mongodb_pool_min: u32 = 10, in 0..=10_000;
        /// MongoDB: how many connections the pool may open.
        mongodb_pool_max: u32 = 50, in 1..=10_000;
        /// MongoDB: how long an operation waits for a suitable server, such as the primary, before it fails.
        mongodb_server_selection_timeout: Duration = Duration::from_secs(5),
            in Duration::from_millis(100)..=Duration::from_secs(300);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_chooses_the_engine() {
        let file = |path: &str| Ok(DatabaseUrl::Sqlite(path.into()));
        assert_eq!(DatabaseUrl::parse("sqlite://orderwire.db"), file("orderwire.db"));
        assert_eq!(DatabaseUrl::parse("sqlite:///var/lib/orderwire.db"), file("/var/lib/orderwire.db"));
        assert_eq!(DatabaseUrl::parse("sqlite://:memory:"), Ok(DatabaseUrl::Temporary));
        for url in ["mongodb://a/x?replicaSet=rs0", "mongodb+srv://a/x"] {
            assert_eq!(DatabaseUrl::parse(url), Ok(DatabaseUrl::Mongo(SecretUrl::new(url))));
        }
        for bad in [
            "",
            "orderwire.db",
            "sqlite:orderwire.db",
            "sqlite://",
            "sqlite://a?mode=rwc",
            "postgres://a:hush@b/c",
            "mongodb://",
        ] {
            let message = DatabaseUrl::parse(bad).unwrap_err();
            assert!(!message.contains("hush"), "{message}");
        }
    }
}
