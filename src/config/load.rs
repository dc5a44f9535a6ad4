//! Loads the configuration from its sources and generates the example file.

use std::path::{Path, PathBuf};

use super::{
    BindAddress, Config, ConfigProblem, ConfigSources, EffectiveSetting, Setting, ValueOrigin, reader::SettingReader,
};

/// The configuration file that is read when none is named.
pub const DEFAULT_FILE: &str = "orderwire.toml";

/// A configuration, with the origin of each value and all problems.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings; an invalid one has its default.
    pub config: Config,
    /// Each setting's effective value, secrets masked.
    pub entries: Vec<EffectiveSetting>,
    /// Every invalid or unknown setting.
    pub problems: Vec<ConfigProblem>,
}

/// Why the configuration file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system reports an error.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// Path of the file that could not be read.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The file is not valid TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// Path of the file.
        path: PathBuf,
        /// Line of the error, counted from 1.
        line: usize,
        /// The parser's message. It never quotes the line, which may hold a secret.
        message: String,
    },
}

/// Reads the file `named`, or else [`DEFAULT_FILE`] if it exists.
pub fn read_file(named: Option<&Path>) -> Result<Option<(PathBuf, toml::Table)>, FileError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE)).to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if named.is_none() && cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(FileError::Read { path, cause }),
    };
    match text.parse::<toml::Table>() {
        Ok(table) => Ok(Some((path, table))),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            Err(FileError::Syntax { path, line, message: error.message().replace('\n', " ") })
        }
    }
}

/// Reads and checks all settings.
pub fn load(sources: &ConfigSources) -> Loaded {
    let mut reader = SettingReader::new(sources);
    let mut config = Config::read(&mut reader);
    apply_port(&mut reader, &mut config);
    reader.find_unknown();
    for (key, message) in config.faults() {
        let setting = match reader.origin(key) {
            None | Some(ValueOrigin::Default) => key.to_owned(),
            Some(origin) => format!("{key} ({origin})"),
        };
        reader.problems.push(ConfigProblem { setting, message });
    }
    let effective = [
        ("server.introspection", config.introspection().show()),
        ("server.ui", config.ui().show()),
        ("log.format", config.log_format().show()),
    ];
    let SettingReader { mut entries, problems, .. } = reader;
    for (key, value) in effective {
        entries.iter_mut().filter(|entry| entry.key == key).for_each(|entry| entry.value.clone_from(&value));
    }
    Loaded { config, entries, problems }
}

/// Applies `PORT`, which hosting platforms set, unless the environment or the command line sets `server.bind`.
fn apply_port(reader: &mut SettingReader<'_>, config: &mut Config) {
    const KEY: &str = "server.bind";
    if matches!(reader.origin(KEY), Some(ValueOrigin::Flag | ValueOrigin::Environment(_))) {
        return;
    }
    let Some(port) = reader.variable("PORT") else { return };
    match port.to_str().and_then(|port| port.trim().parse().ok()) {
        Some(port) => {
            config.server.bind = BindAddress::everywhere(port);
            reader.replace(KEY, config.server.bind.show(), "PORT");
        }
        None => {
            let message = "must be a whole number from 0 to 65535".to_owned();
            reader.problems.push(ConfigProblem { setting: format!("{KEY} (PORT)"), message });
        }
    }
}

/// The example file: every setting with its documentation and its default, all commented out.
pub fn example() -> String {
    let sources = ConfigSources::default();
    let mut reader = SettingReader::new(&sources);
    Config::read(&mut reader);
    reader.example
}
