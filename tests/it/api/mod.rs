//! The GraphQL API on every storage engine.

/// Defines each of these tests once per storage engine. A test is an `async fn(TestApi)`, and may have a deadline of its own.
macro_rules! on_each_engine {
    ($($test:ident)+) => {
        on_each_engine! { within engine::DEADLINE; $($test)+ }
    };
    (within $deadline:expr; $($test:ident)+) => {
        on_each_engine!(@ sqlite, Sqlite, $deadline; $($test)+);
        on_each_engine!(@ mongodb, Mongodb, $deadline; $($test)+);
    };
    (@ $module:ident, $engine:ident, $deadline:expr; $($test:ident)+) => {
        mod $module {
            use crate::{contract::{engine, $module::$engine}, support::api::TestApi};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    engine::check_within::<$engine>("api", $deadline, async |db| {
                        super::$test(TestApi::cached(db.shared()).await).await;
                    })
                    .await;
                }
            )+
        }
    };
}

mod access;
mod accounts;
mod bad_input;
mod batching;
mod consumers;
mod events;
mod exports;
mod full_data;
mod identifiers;
mod jobs;
mod keys;
mod left;
mod lists;
mod metadata;
mod plain;
mod public_answers;
mod refused;
mod results;
mod sharing;
mod stock;
mod taken_away;
mod texts;
mod tickets;
mod times;
mod tokens;
mod two_worlds;
mod updates;
mod webhooks;
