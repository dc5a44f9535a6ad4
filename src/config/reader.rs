//! Reads each setting from the first source that has it: flag, environment, file, default.

use std::{collections::BTreeMap, ffi::OsString, fmt, path::PathBuf};

use super::Setting;

/// An invalid or unknown setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The setting's key and where it was set: `server.bind (BIND)`.
    pub setting: String,
    /// What a valid value looks like.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// The command line.
    Flag,
    /// This environment variable.
    Environment(String),
    /// The configuration file.
    File(PathBuf),
    /// No source sets it.
    Default,
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Environment(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting's effective value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// Its key in the file: `server.bind`.
    pub key: String,
    /// Its value, secrets masked; `None` when it is not set.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: ValueOrigin,
}

/// Everything that settings are read from, apart from the defaults.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    /// Keys and values from the command line; the last value of a key wins.
    pub flags: Vec<(String, String)>,
    /// The environment variables.
    pub environment: BTreeMap<OsString, OsString>,
    /// The configuration file's path and content, if there is a file.
    pub file: Option<(PathBuf, toml::Table)>,
}

/// How a setting is named, documented and looked up.
pub(super) struct SettingKey<'a> {
    /// Section of the file; empty for top-level settings.
    pub section: &'static str,
    /// Name within the section.
    pub name: &'static str,
    /// The documentation's lines.
    pub docs: &'a [&'static str],
    /// Short environment variable, besides `ORDERWIRE_SECTION_NAME`.
    pub variable: Option<&'static str>,
    /// How the example file sets it when it has no default.
    pub example: Option<&'static str>,
}

impl SettingKey<'_> {
    fn path(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// The environment variables; the first one that is set wins.
    fn variables(&self) -> Vec<String> {
        let long = format!("ORDERWIRE_{}", self.path().replace('.', "_").to_uppercase());
        self.variable.map(str::to_owned).into_iter().chain([long]).collect()
    }
}

/// A value before it is parsed.
enum RawValue<'a> {
    Text(&'a str),
    Toml(&'a toml::Value),
    NotUtf8,
}

/// Reads settings one by one and collects their values, problems and documentation.
pub(super) struct SettingReader<'a> {
    sources: &'a ConfigSources,
    pub entries: Vec<EffectiveSetting>,
    pub problems: Vec<ConfigProblem>,
    variables: Vec<String>,
    sections: Vec<&'static str>,
    /// A configuration file with every setting, its documentation and its default.
    pub example: String,
}

impl<'a> SettingReader<'a> {
    pub fn new(sources: &'a ConfigSources) -> Self {
        Self {
            sources,
            entries: Vec::new(),
            problems: Vec::new(),
            variables: Vec::new(),
            sections: Vec::new(),
            example: String::new(),
        }
    }

    /// Starts a section in the example file.
    pub fn section(&mut self, name: &'static str, about: &[&str]) {
        self.sections.push(name);
        self.example.push('\n');
        for line in about {
            self.example += format!("#{line}").trim_end();
            self.example.push('\n');
        }
        self.example += &format!("[{name}]\n");
    }

    /// The value from the first source that has it, or else the default. A value that cannot be parsed or fails
    /// `check` is recorded as a problem, and the default is returned.
    pub fn read<T: Setting>(
        &mut self,
        key: &SettingKey<'_>,
        default: T,
        check: impl FnOnce(T) -> Result<T, String>,
    ) -> T {
        self.document(key, &default);
        let (value, origin) = match self.find(key) {
            None => (default, ValueOrigin::Default),
            Some((found, origin)) => match parse(found).and_then(check) {
                Ok(value) => (value, origin),
                Err(message) => {
                    self.problems.push(ConfigProblem { setting: format!("{} ({origin})", key.path()), message });
                    (default, origin)
                }
            },
        };
        self.entries.push(EffectiveSetting { key: key.path(), value: value.show(), origin });
        self.variables.extend(key.variables());
        value
    }

    /// Records that the environment variable `variable` overrides a setting that was already read.
    pub fn replace(&mut self, key: &str, value: Option<String>, variable: &str) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.value = value;
            entry.origin = ValueOrigin::Environment(variable.to_owned());
        }
    }

    /// An environment variable; an empty one counts as unset.
    pub fn variable(&self, name: &str) -> Option<&'a OsString> {
        self.sources.environment.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty())
    }

    /// Where the setting's value came from; `None` if the setting has not been read.
    pub fn origin(&self, key: &str) -> Option<&ValueOrigin> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.origin)
    }

    fn find(&self, key: &SettingKey<'_>) -> Option<(RawValue<'a>, ValueOrigin)> {
        let path = key.path();
        if let Some((_, text)) = self.sources.flags.iter().rev().find(|(flag, _)| *flag == path) {
            return Some((RawValue::Text(text), ValueOrigin::Flag));
        }
        for name in key.variables() {
            if let Some(value) = self.variable(&name) {
                let found = value.to_str().map_or(RawValue::NotUtf8, RawValue::Text);
                return Some((found, ValueOrigin::Environment(name)));
            }
        }
        let (file, table) = self.sources.file.as_ref()?;
        let value = if key.section.is_empty() { table.get(key.name) } else { table.get(key.section)?.get(key.name) }?;
        Some((RawValue::Toml(value), ValueOrigin::File(file.clone())))
    }

    fn document<T: Setting>(&mut self, key: &SettingKey<'_>, default: &T) {
        if !self.example.ends_with("]\n") && !self.example.ends_with("\n\n") {
            self.example.push('\n');
        }
        for line in key.docs {
            self.example += format!("#{line}").trim_end();
            self.example.push('\n');
        }
        let text = &mut self.example;
        *text += &format!("# Environment: {}\n", key.variables().join(", or "));
        let value = default.show().or_else(|| key.example.map(str::to_owned)).unwrap_or_default();
        *text += &format!("# {} = {value}\n", key.name);
    }

    /// Reports settings that do not exist, so that a misspelled one does not go unnoticed.
    pub fn find_unknown(&mut self) {
        let unknown = |setting: String, origin: &dyn fmt::Display| ConfigProblem {
            setting: format!("{setting} ({origin})"),
            message: "there is no such setting; `orderwire check-config` lists all".to_owned(),
        };
        let is_known = |path: &str| self.entries.iter().any(|entry| entry.key == path);
        let mut problems = Vec::new();
        for (flag, _) in &self.sources.flags {
            if !is_known(flag) {
                problems.push(unknown(flag.clone(), &ValueOrigin::Flag));
            }
        }
        for name in self.sources.environment.keys().filter_map(|name| name.to_str()) {
            let ours = name.starts_with("ORDERWIRE_") && !name.starts_with("ORDERWIRE_TEST_");
            if ours && !self.variables.iter().any(|known| known == name) {
                problems.push(unknown(name.to_owned(), &"environment"));
            }
        }
        if let Some((file, table)) = &self.sources.file {
            for path in paths(table, &self.sections).into_iter().filter(|path| !is_known(path)) {
                problems.push(unknown(path, &file.display()));
            }
        }
        self.problems.append(&mut problems);
    }
}

/// `section.key` of every value; for a section without values, its name.
fn paths(table: &toml::Table, sections: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    for (name, value) in table {
        match value.as_table() {
            Some(section) if !section.is_empty() => paths.extend(section.keys().map(|key| format!("{name}.{key}"))),
            // Every section has settings, so an empty one of a known name is harmless.
            Some(_) if sections.contains(&name.as_str()) => {}
            _ => paths.push(name.clone()),
        }
    }
    paths
}

fn parse<T: Setting>(found: RawValue<'_>) -> Result<T, String> {
    match found {
        RawValue::Text(text) => T::parse(text.trim()),
        RawValue::NotUtf8 => Err("must be UTF-8".to_owned()),
        RawValue::Toml(toml::Value::String(text)) => T::parse(text),
        RawValue::Toml(toml::Value::Integer(number)) => T::parse(&number.to_string()),
        RawValue::Toml(toml::Value::Boolean(value)) => T::parse(&value.to_string()),
        RawValue::Toml(toml::Value::Array(items)) => {
            let items: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            T::parse_list(&items.ok_or("must be a list of quoted strings")?)
        }
        RawValue::Toml(_) => Err("must be a string, a whole number, true or false, or a list".to_owned()),
    }
}
