//! `orderwire log`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Settings, output, settings};
use crate::{
    app::open_store,
    domain::{EventCursor, Relay, Viewer},
};

/// The subcommands of `log`.
#[derive(Debug, Clone, Subcommand)]
pub enum LogCommand {
    /// Give the event log a new id, after the database was restored from a backup.
    ///
    /// Clients may have seen changes that the backup does not have. Cursors from before this command give
    /// CURSOR_EXPIRED afterwards, so that these clients read the current state instead of missing what follows. Servers
    /// that are running notice within feed.poll_every.
    NewEpoch,
    /// Relay events to a broker once more, or go on after the log has dropped what came next.
    ///
    /// The process that relays begins there within seconds.
    Replay(ReplayArgs),
}

/// Arguments of `log replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The broker.
    #[arg(value_enum)]
    broker: BrokerName,
    /// Only events after this cursor: of an export, an update, or the attribute `cursor` of a message. Without it, all that
    /// the log has.
    #[arg(long, value_name = "CURSOR")]
    after: Option<EventCursor>,
}

/// A broker, as the command line names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum BrokerName {
    /// The exchange of RabbitMQ.
    Rabbitmq,
    /// The topic of Kafka.
    Kafka,
}

pub(super) async fn run(settings: Settings, command: LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::NewEpoch => new_epoch(settings).await,
        LogCommand::Replay(args) => replay(settings, args).await,
    }
}

async fn replay(settings: Settings, args: ReplayArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    settings::start_log(&config);
    settings::refuse_missing(&config.database.url)?;
    let relay = match args.broker {
        BrokerName::Rabbitmq => Relay::RabbitMq,
        BrokerName::Kafka => Relay::Kafka,
    };
    let core = settings::open_without_redis(config).await?;
    let replayed = core.service().replay_relay(&Viewer::System, relay, args.after).await;
    core.close().await;
    replayed?;
    let from =
        args.after.map_or("the oldest event of the log".to_owned(), |cursor| format!("what comes after {cursor}"));
    output::print(&format!("{} is sent {from}\n", relay.as_str()))
}

async fn new_epoch(settings: Settings) -> Result<(), Failure> {
    let config = settings.load()?;
    settings::start_log(&config);
    let url = &config.database.url;
    settings::refuse_missing(url)?;
    let store = open_store(&config).await?;
    let started = match store.log_state().await {
        Ok(state) if state.head == 0 => Ok(None),
        Ok(_) => store.start_epoch().await.map(Some),
        Err(error) => Err(error),
    };
    store.close().await;
    let epoch = started.map_err(Failure::new)?.ok_or_else(|| {
        Failure::new(format!("the event log of {url} is empty; set database.url to the restored database"))
    })?;
    output::print(&format!("the event log has the id {}; cursors of {} have expired\n", epoch.current, epoch.retired))
}
