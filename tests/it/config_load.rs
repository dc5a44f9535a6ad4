//! Loading the configuration from flags, environment and file, and the problems it reports.

use std::{collections::BTreeMap, ffi::OsString, time::Duration};

use orderwire::config::{
    self, Config, ConfigSources, DatabaseUrl, Environment, Loaded, LogFormat, Secret, ValueOrigin,
};

fn sources(flags: &[(&str, &str)], environment: &[(&str, &str)], file: &str) -> ConfigSources {
    ConfigSources {
        flags: flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        environment: environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect(),
        file: (!file.is_empty()).then(|| ("orderwire.toml".into(), file.parse().unwrap())),
    }
}

fn load(flags: &[(&str, &str)], environment: &[(&str, &str)], file: &str) -> Loaded {
    config::load(&sources(flags, environment, file))
}

fn environment(variables: &[(&str, &str)]) -> Loaded {
    load(&[], variables, "")
}

fn config(loaded: Loaded) -> Config {
    assert_eq!(loaded.problems, []);
    loaded.config
}

/// The problems as text, one line each.
fn problems(loaded: &Loaded) -> Vec<String> {
    loaded.problems.iter().map(ToString::to_string).collect()
}

fn origin(loaded: &Loaded, key: &str) -> ValueOrigin {
    loaded.entries.iter().find(|entry| entry.key == key).unwrap().origin.clone()
}

const GOOD_SECRET: &str = "q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE";

#[test]
fn flags_override_the_environment_which_overrides_the_file_which_overrides_defaults() {
    const KEY: &str = "server.grace_period";
    let file = "[server]\ngrace_period = \"3s\"";
    let flag = [(KEY, "1s")];
    let variable = [("ORDERWIRE_SERVER_GRACE_PERIOD", "2s")];
    let seconds = |loaded: &Loaded| loaded.config.server.grace_period.as_secs();

    let loaded = load(&flag, &variable, file);
    assert_eq!((seconds(&loaded), origin(&loaded, KEY)), (1, ValueOrigin::Flag));
    let loaded = load(&[], &variable, file);
    assert_eq!((seconds(&loaded), origin(&loaded, KEY)), (2, ValueOrigin::Environment(variable[0].0.to_owned())));
    let loaded = load(&[], &[], file);
    assert_eq!((seconds(&loaded), origin(&loaded, KEY)), (3, ValueOrigin::File("orderwire.toml".into())));
    let loaded = environment(&[]);
    assert_eq!((seconds(&loaded), origin(&loaded, KEY)), (20, ValueOrigin::Default));
}

#[test]
fn documented_environment_variables_set_their_settings() {
    let loaded = environment(&[
        ("DATABASE_URL", "mongodb://db/shop?replicaSet=rs0"),
        ("REDIS_URL", "rediss://cache:6380"),
        ("BIND", "[::1]:9000"),
        ("JWT_SECRET", GOOD_SECRET),
        ("ORDERWIRE_ENV", "production"),
        ("CORS_ORIGINS", "https://a.example, https://b.example:8443"),
        ("LOG_LEVEL", "warn,orderwire=debug"),
    ]);
    let config = config(loaded);
    assert_eq!(config.database.url.to_string(), "mongodb://db/shop?replicaSet=rs0");
    assert_eq!(config.redis.url.unwrap().reveal(), "rediss://cache:6380");
    assert_eq!(config.server.bind.as_str(), "[::1]:9000");
    assert_eq!(config.auth.jwt_secret, Some(Secret::new(GOOD_SECRET)));
    assert_eq!(config.environment, Environment::Production);
    assert_eq!(config.server.cors_origins, ["https://a.example", "https://b.example:8443"]);
    assert_eq!(config.log.level, "warn,orderwire=debug");
}

#[test]
fn an_empty_environment_variable_counts_as_unset() {
    let config = config(environment(&[("REDIS_URL", ""), ("DATABASE_URL", ""), ("PORT", "")]));
    assert!(config.redis.url.is_none());
    assert_eq!(config.database.url, DatabaseUrl::default());
    assert_eq!(config.server.bind.as_str(), "127.0.0.1:8080");
}

#[test]
fn port_binds_all_interfaces_and_bind_overrides_it() {
    let bind = |loaded| config(loaded).server.bind.as_str().to_owned();
    let file = "[server]\nbind = \"127.0.0.1:1\"";
    assert_eq!(bind(load(&[], &[("PORT", "9000")], "")), "0.0.0.0:9000");
    assert_eq!(bind(load(&[], &[("PORT", "9000")], file)), "0.0.0.0:9000");
    assert_eq!(bind(load(&[], &[("PORT", "9000"), ("BIND", "127.0.0.1:2")], "")), "127.0.0.1:2");
    assert_eq!(bind(load(&[("server.bind", "127.0.0.1:3")], &[("PORT", "9000")], "")), "127.0.0.1:3");
    let loaded = environment(&[("PORT", "many")]);
    assert_eq!(problems(&loaded), ["server.bind (PORT): must be a whole number from 0 to 65535"]);
}

#[test]
fn unknown_settings_are_named() {
    let file = "colour = \"red\"\n[server]\nbnid = \"x\"\n[sever]\nbind = \"x\"";
    let loaded = load(&[("server.port", "1")], &[("ORDERWIRE_SERVER_PORT", "1")], file);
    let messages = problems(&loaded).join("\n");
    assert_eq!(loaded.problems.len(), 5, "{messages}");
    for name in ["server.port (command line)", "ORDERWIRE_SERVER_PORT", "colour", "server.bnid", "sever.bind"] {
        assert!(messages.contains(name), "{name} is not in {messages}");
    }
}

#[test]
fn foreign_environment_variables_are_ignored() {
    config(environment(&[("ORDERWIRE_TEST_MONGODB_URL", "x"), ("HOME", "/"), ("SERVER_BIND", "x")]));
}

#[test]
fn all_problems_are_reported_at_once_with_setting_and_expected_value() {
    let file = "[database]\nsqlite_readers = 0\nurl = 5\n[feed]\npage = [1]\n[log]\nlevel = \"a=b=c\"";
    let variables = [
        ("BIND", "somewhere"),
        ("ORDERWIRE_SERVER_UI", "maybe"),
        ("ORDERWIRE_RETENTION_EVENT_LOG", "a week"),
        ("CORS_ORIGINS", "https://shop.example.com/path"),
    ];
    let flags = [
        ("websocket.dead_after", "1s"),
        ("database.read_from", "nearest"),
        ("cache.bytes", "0"),
        ("cache.shared_bytes", "1"),
    ];
    let loaded = load(&flags, &variables, file);
    let messages = problems(&loaded).join("\n");
    for part in [
        "database.read_from (command line): must be primary if cache.bytes is 0",
        "cache.shared_bytes (command line): must be 0 if cache.bytes is 0 or redis.url is not set",
        "database.sqlite_readers (orderwire.toml): must be between 1 and 256",
        "database.url (orderwire.toml): must be sqlite://FILE",
        "feed.page (orderwire.toml): must be",
        "server.bind (BIND): must be HOST:PORT",
        "server.ui (ORDERWIRE_SERVER_UI): must be true or false",
        "retention.event_log (ORDERWIRE_RETENTION_EVENT_LOG): must be a whole number with ms, s, m, h or d",
        "server.cors_origins (CORS_ORIGINS): ",
        "websocket.dead_after (command line): must be longer than websocket.ping_interval",
        "log.level (orderwire.toml): must be a filter",
    ] {
        assert!(messages.contains(part), "{part} is not in\n{messages}");
    }
    assert_eq!(loaded.problems.len(), 11, "{messages}");
}

#[test]
fn secrets_are_masked_in_debug_output_and_problems() {
    let variables = [
        ("DATABASE_URL", "mongodb://ann:hush-1@db/shop?replicaSet=rs0"),
        ("REDIS_URL", "redis://:hush-2@cache"),
        ("JWT_SECRET", "hush-3 q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE"),
        ("ORDERWIRE_RABBITMQ_URL", "amqps://ann:hush-4@broker/%2f"),
        ("ORDERWIRE_KAFKA_USER", "ann"),
        ("ORDERWIRE_KAFKA_PASSWORD", "hush-5"),
    ];
    let loaded = environment(&variables);
    let printed = format!("{loaded:?}");
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("mongodb://ann:***@db/shop"), "{printed}");
    let config = config(loaded);
    assert_eq!(config.redis.url.unwrap().reveal(), "redis://:hush-2@cache");

    // Problems do not show the values either.
    let wrong = environment(&[
        ("DATABASE_URL", "hush-1"),
        ("REDIS_URL", "http://hush-2"),
        ("JWT_SECRET", "hush-3"),
        ("BIND", "hush-4"),
        ("ORDERWIRE_RABBITMQ_URL", "redis://hush-5"),
        ("ORDERWIRE_KAFKA_BROKERS", "broker:port"),
        ("ORDERWIRE_KAFKA_PASSWORD", "hush-6"),
    ]);
    // Kafka's brokers are a problem once more in a program that was built without Kafka.
    assert!((7..=8).contains(&wrong.problems.len()), "{:?}", wrong.problems);
    let printed = format!("{wrong:?} {}", problems(&wrong).join(" "));
    assert!(!printed.contains("hush"), "{printed}");
}

#[test]
fn production_requires_a_real_secret_and_turns_off_the_ui() {
    let production = |secret: &str| environment(&[("ORDERWIRE_ENV", "production"), ("JWT_SECRET", secret)]);
    for (secret, complaint) in [
        ("", "auth.jwt_secret: is required in production (JWT_SECRET)"),
        ("only-31-bytes-aaaaaaaaaaaaaaaaa", "auth.jwt_secret (JWT_SECRET): is too short"),
        ("change-me: 32 random bytes or more", "auth.jwt_secret (JWT_SECRET): is a well-known placeholder"),
        ("your_secret_key_goes_here_0123456789", "auth.jwt_secret (JWT_SECRET): is a well-known placeholder"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "auth.jwt_secret (JWT_SECRET): is a well-known placeholder"),
    ] {
        let messages = problems(&production(secret));
        assert!(messages.len() == 1 && messages[0].starts_with(complaint), "{secret:?}: {messages:?}");
    }
    let strict = config(production(GOOD_SECRET));
    assert!(!strict.introspection() && !strict.ui());
    assert_eq!(strict.log_format(), LogFormat::Json);

    let asked_for = [("ORDERWIRE_SERVER_UI", "true"), ("ORDERWIRE_SERVER_INTROSPECTION", "true")];
    let variables = [("ORDERWIRE_ENV", "production"), ("JWT_SECRET", GOOD_SECRET), asked_for[0], asked_for[1]];
    let asked_for = config(environment(&variables));
    assert!(asked_for.introspection() && asked_for.ui());
}

#[test]
fn development_needs_no_secret_and_turns_on_the_ui() {
    let comfortable = config(environment(&[]));
    assert!(comfortable.introspection() && comfortable.ui() && comfortable.auth.jwt_secret.is_none());
    assert_eq!(comfortable.log_format(), LogFormat::Text);
    assert_eq!(environment(&[("JWT_SECRET", "short")]).problems.len(), 1);
}

#[test]
fn a_key_pair_needs_both_files_and_excludes_a_secret() {
    let messages = |file: &str| problems(&load(&[], &[("ORDERWIRE_ENV", "production")], file));
    assert_eq!(messages("[auth]\nprivate_key_file = \"a\"\npublic_key_file = \"b\""), [""; 0]);
    assert!(messages("[auth]\nprivate_key_file = \"a\"")[0].starts_with("auth.public_key_file: is needed"));
    assert!(messages("[auth]\npublic_key_file = \"b\"")[0].starts_with("auth.private_key_file: is needed"));
    let both = format!("[auth]\nprivate_key_file = \"a\"\npublic_key_file = \"b\"\njwt_secret = \"{GOOD_SECRET}\"");
    assert!(messages(&both)[0].starts_with("auth.jwt_secret (orderwire.toml): cannot be combined"));
}

#[test]
fn the_default_config_equals_an_empty_configuration() {
    assert_eq!(format!("{:?}", Config::default()), format!("{:?}", config(environment(&[]))));
}

/// The example file with every setting uncommented.
fn example_turned_on() -> String {
    let is_setting = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let lines = config::example();
    let lines = lines.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_file_names_every_setting_with_its_default() {
    let loaded = load(&[], &[], &example_turned_on());
    // Settings that exclude one another or have no usable default are the exception.
    let messages = problems(&loaded);
    assert!(messages.iter().all(|problem| problem.starts_with("auth.jwt_secret")), "{messages:?}");
    let defaults: BTreeMap<String, Option<String>> =
        environment(&[]).entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
    for entry in &loaded.entries {
        assert!(matches!(entry.origin, ValueOrigin::File(_)), "{} is not in the example", entry.key);
        if let Some(default) = &defaults[&entry.key] {
            assert_eq!(entry.value.as_ref(), Some(default), "{}", entry.key);
        }
    }
    assert!(loaded.entries.len() > 30);
}

#[test]
fn the_example_file_is_up_to_date() {
    let committed = include_str!("../../orderwire.example.toml");
    assert!(committed == config::example(), "write it anew: orderwire check-config --example > orderwire.example.toml");
}

#[test]
fn a_configuration_can_be_made_in_code() {
    let mut config = Config::default();
    config.database.url = DatabaseUrl::Temporary;
    config.server.grace_period = Duration::from_secs(1);
    assert_eq!(config.database.url.to_string(), "sqlite://:memory:");
}
