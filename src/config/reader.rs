//! Where values come from: flag, environment, file, default, in this order.

use std::{collections::BTreeMap, ffi::OsString, fmt, ops::RangeInclusive, path::PathBuf};

use super::Setting;

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Which setting, and where it was set: `server.bind (BIND)`.
    pub setting: String,
    /// What would be right.
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
    /// Nobody said otherwise.
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

/// A setting as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// Its key in the file: `server.bind`.
    pub key: String,
    /// Its value, secrets masked; `None` when it is not set.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: ValueOrigin,
}

/// All that values can come from.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    /// Keys and values of the command line; the last one of a key counts.
    pub flags: Vec<(String, String)>,
    /// The environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The configuration file and its content.
    pub file: Option<(PathBuf, toml::Table)>,
}

/// A setting to read.
pub(super) struct SettingKey<'a> {
    /// The section, empty for none.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it is, one line each.
    pub docs: &'a [&'static str],
    /// Its short name in the environment.
    pub variable: Option<&'static str>,
    /// How the example file sets it when it has no default.
    pub example: Option<&'static str>,
}

impl SettingKey<'_> {
    fn path(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// The names in the environment; the first one that is set counts.
    fn variables(&self) -> Vec<String> {
        let long = format!("ORDERWIRE_{}", self.path().replace('.', "_").to_uppercase());
        self.variable.map(str::to_owned).into_iter().chain([long]).collect()
    }
}

/// A value as it is found.
enum RawValue<'a> {
    Text(&'a str),
    Toml(&'a toml::Value),
    NotUtf8,
}

/// Reads settings one by one, and notes what it meets.
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

    /// Begins a section of the example.
    pub fn section(&mut self, name: &'static str, about: &[&str]) {
        self.sections.push(name);
        self.example.push('\n');
        for line in about {
            self.example += format!("#{line}").trim_end();
            self.example.push('\n');
        }
        self.example += &format!("[{name}]\n");
    }

    /// The value of a setting: the first one that is set, or else the default. What can't be read, or does not pass
    /// `check`, is a problem.
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

    /// Notes that a setting, just read, has another value because of `variable`.
    pub fn replace(&mut self, key: &str, value: Option<String>, variable: &str) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.value = value;
            entry.origin = ValueOrigin::Environment(variable.to_owned());
        }
    }

    /// A variable of the environment; an empty one counts as none.
    pub fn variable(&self, name: &str) -> Option<&'a OsString> {
        self.sources.environment.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty())
    }

    /// Where the setting comes from.
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

    /// Settings that nobody asked for: a misspelled one must not go unnoticed.
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

/// `section.key` of every value; a section without values stands for itself.
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
        RawValue::NotUtf8 => Err("has to be UTF-8".to_owned()),
        RawValue::Toml(toml::Value::String(text)) => T::parse(text),
        RawValue::Toml(toml::Value::Integer(number)) => T::parse(&number.to_string()),
        RawValue::Toml(toml::Value::Boolean(value)) => T::parse(&value.to_string()),
        RawValue::Toml(toml::Value::Array(items)) => {
            let items: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            T::parse_list(&items.ok_or("has to be a list of texts between quotation marks")?)
        }
        RawValue::Toml(_) => Err("has to be a text, a whole number, true or false, or a list".to_owned()),
    }
}

/// Fails when the value is out of range, saying what would be right.
pub(super) fn check_range<T: Setting + PartialOrd>(value: &T, range: &RangeInclusive<T>) -> Result<(), String> {
    if range.contains(value) {
        return Ok(());
    }
    let [least, most] = [range.start(), range.end()].map(|bound| bound.show().unwrap_or_default());
    Err(format!("has to be between {least} and {most}"))
}

/// A section of the configuration: a struct with a documented default for every field. The documentation is also that
/// of the example file.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:literal $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $default:expr
                    $(, in $range:expr)? $(, env $variable:literal)? $(, example $example:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $Section {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $Section {
            pub(super) fn read(reader: &mut $crate::config::reader::SettingReader<'_>) -> Self {
                reader.section($name, &[$($about),+]);
                Self {
                    $($field: {
                        let key = $crate::config::reader::SettingKey {
                            section: $name,
                            name: stringify!($field),
                            docs: &[$($doc),+],
                            variable: None$(.or(Some($variable)))?,
                            example: None$(.or(Some($example)))?,
                        };
                        reader.read(&key, $default, |value: $type| {
                            $($crate::config::reader::check_range(&value, &$range)?;)?
                            Ok(value)
                        })
                    },)+
                }
            }
        }
    };
}
pub(super) use section;
