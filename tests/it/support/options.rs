//! The options that the default configuration gives.

use orderwire::{
    app,
    config::Config,
    graphql::DocumentOptions,
    service::feed::FeedOptions,
    storage::{mongo::MongoOptions, sqlite::SqliteOptions},
};

/// Options of the event feed.
pub fn feed_options() -> FeedOptions {
    app::feed_options(&Config::default())
}

/// Options of the SQLite engine.
pub fn sqlite_options() -> SqliteOptions {
    app::sqlite_options(&Config::default())
}

/// Options of the MongoDB engine.
pub fn mongo_options() -> MongoOptions {
    app::mongo_options(&Config::default())
}

/// How documents are treated.
pub fn document_options() -> DocumentOptions {
    app::document_options(&Config::default(), None)
}
