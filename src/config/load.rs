//! Loads the configuration from its sources, and writes the example file.

use std::path::{Path, PathBuf};

use super::{
    BindAddress, Config, ConfigProblem, ConfigSources, EffectiveSetting, Setting, ValueOrigin, reader::SettingReader,
};

/// The file that is read when no other is named.
pub const DEFAULT_FILE: &str = "orderwire.toml";

/// A configuration with where it comes from and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings; where one is wrong, its default.
    pub config: Config,
    /// Each setting as it is used, secrets masked.
    pub entries: Vec<EffectiveSetting>,
    /// All that is wrong.
    pub problems: Vec<ConfigProblem>,
}

/// The configuration file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It is not TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What is wrong, never the line itself.
        message: String,
    },
}

/// The file's settings: of `named`, or else of [`DEFAULT_FILE`] if it is there.
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

/// Reads all settings.
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

/// `PORT`, as hosting platforms set it, counts as long as nothing in the environment or on the command line says where
/// to listen.
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
            let message = "has to be a whole number from 0 to 65535".to_owned();
            reader.problems.push(ConfigProblem { setting: format!("{KEY} (PORT)"), message });
        }
    }
}

/// A configuration file with every setting, its documentation and its default, all commented out.
pub fn example() -> String {
    let sources = ConfigSources::default();
    let mut reader = SettingReader::new(&sources);
    Config::read(&mut reader);
    reader.example
}
