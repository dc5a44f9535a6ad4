//! Servers and workers that relay: what they say when a broker is not as they need it, and how they are started anew.

use std::process::Command;

use lapin::{
    ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use serde_json::json;

use super::{SOON, TestBroker, rabbitmq::Server};
use crate::{
    cli_process::{Running, assert_refused, graphql, login, orderwire, run, run_with_input, stderr, stdout},
    support::{port::free_port, wait_until},
};

const PASSWORD: &str = "correct horse battery staple";
const FAILURES: &str = r#"orderwire_consumer_failures_total{consumer="rabbitmq"}"#;
const LAG: &str = r#"orderwire_consumer_lag_events{consumer="rabbitmq"}"#;

fn command(folder: &std::path::Path, arguments: &[&str], url: &str) -> Command {
    let mut command = orderwire(folder, arguments);
    command.env("JWT_SECRET", "q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE").env("METRICS_BIND", "127.0.0.1:0");
    command.env("ORDERWIRE_RABBITMQ_URL", url);
    command
}

/// The value of a series at the address that the line names.
async fn value(metrics: &str, series: &str) -> f64 {
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(-1.0, |value| value.trim().parse().unwrap())
}

fn address(line: &str) -> String {
    line[line.find("http://").unwrap()..].split(['"', ' ']).next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_what_a_broker_refuses_and_a_worker_relays_what_happened_meanwhile() {
    let broker = Server::start();
    let (_connection, channel) = broker.connect().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let create =
        ["user", "create", "--name", "Ann", "--email", "ann@example.com", "--role", "admin", "--password-stdin"];
    let created = run_with_input(folder, &create, &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{}", stderr(&created));

    // A password that is refused: the server serves, says why nothing is relayed, and counts what waits.
    let mut server = command(folder, &["serve"], &broker.url("guest:hush-hush@"));
    server.env("BIND", "127.0.0.1:0");
    let mut server = Running::start(server);
    let metrics = address(&server.line("metrics are at http://"));
    let url = address(&server.line("listening on http://"));
    let token = login(&url, "ann@example.com", PASSWORD).await.unwrap();
    let work = async || {
        let task = "mutation { createTask(input: { title: \"T\" }) { task { id } } }";
        assert_eq!(graphql(&url, Some(&token), task, json!({})).await.get("errors"), None);
    };
    for _ in 0..3 {
        work().await;
    }
    let line = server.line("a consumer of the event log keeps failing");
    assert!(line.contains("rabbitmq") && line.contains("ACCESS_REFUSED"), "{line}");
    assert!(value(&metrics, FAILURES).await >= 3.0);
    wait_until("the lag is shown", SOON, async || value(&metrics, LAG).await == 4.0).await;
    assert_eq!(reqwest::get(format!("{url}/readyz")).await.unwrap().status(), 200);
    server.signal("TERM");
    let (status, printed) = server.end();
    assert_eq!(status.code(), Some(0), "{printed}");
    assert!(!printed.contains("hush"), "{printed}");

    // A worker with the right password relays all of it, from the first event of the log on.
    broker.make("orderwire").await;
    let mut worker = Running::start(command(folder, &["worker"], &broker.url("guest:guest@")));
    worker.line("running jobs, and what follows the event log");
    let mut taken = Vec::new();
    wait_until("everything has arrived", SOON, async || {
        taken.extend(broker.take("orderwire").await);
        taken.len() >= 4
    })
    .await;
    let kinds: Vec<&str> = taken.iter().map(|message| message.key.as_str()).collect();
    assert_eq!(kinds, ["user.registered", "task.created", "task.created", "task.created"]);

    // It is sent again, after a cursor or from the start.
    let cursor = taken[1].body["cursor"].as_str().unwrap();
    for (after, count) in [(vec!["--after", cursor], 2), (vec![], 4)] {
        let arguments = [vec!["log", "replay", "rabbitmq"], after].concat();
        let replayed = command(folder, &arguments, &broker.url("")).output().unwrap();
        assert!(replayed.status.success() && stdout(&replayed).contains("rabbitmq is sent"), "{}", stderr(&replayed));
        let mut again = Vec::new();
        wait_until("it has come again", SOON, async || {
            again.extend(broker.take("orderwire").await);
            again.len() >= count
        })
        .await;
        let ids =
            |messages: &[super::Received]| messages.iter().map(|message| message.id().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&again), ids(&taken[4 - count..]));
        assert_eq!(again[0].body.get("previousid"), None, "nothing was relayed before it since then");
    }
    worker.signal("TERM");
    worker.end();

    // An exchange of another type.
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare("fan".into(), ExchangeKind::Fanout, durable, FieldTable::default()).await.unwrap();
    channel.queue_declare("fan".into(), QueueDeclareOptions::durable(), FieldTable::default()).await.unwrap();
    let bind = QueueBindOptions::default();
    channel.queue_bind("fan".into(), "fan".into(), "".into(), bind, FieldTable::default()).await.unwrap();
    let mut worker = command(folder, &["worker"], &broker.url(""));
    worker.env("ORDERWIRE_RABBITMQ_EXCHANGE", "fan");
    let mut worker = Running::start(worker);
    let line = worker.line("a consumer of the event log keeps failing");
    assert!(line.contains("PRECONDITION_FAILED") && line.contains("topic exchange"), "{line}");
}

#[test]
fn settings_of_brokers_that_can_not_be_used_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let start = |setting: &str| run(folder.path(), &["serve", "--bind", "127.0.0.1:0", "--set", setting]);
    let nobody = format!("amqp://ann:hush@127.0.0.1:{}/%2f?frame_max=many", free_port());
    let refused = start(&format!("rabbitmq.url={nobody}"));
    assert_refused(&refused, 1, "rabbitmq.url: must be amqp://");
    assert!(!stderr(&refused).contains("hush"), "{}", stderr(&refused));
    assert_refused(&start("rabbitmq.url=http://ann:hush@127.0.0.1"), 1, "rabbitmq.url");
    assert_refused(&start("rabbitmq.exchange=amq.topic"), 1, "rabbitmq.exchange");
    assert_refused(&start("kafka.brokers=here"), 1, "kafka.brokers");
    assert_refused(&start("kafka.topic=a topic"), 1, "kafka.topic");
    assert_refused(&start("kafka.user=ann"), 1, "kafka.password");
    let replayed = run(folder.path(), &["log", "replay", "kafka"]);
    assert_refused(&replayed, 1, "does not exist");
    #[cfg(not(feature = "kafka"))]
    assert_refused(&start("kafka.brokers=127.0.0.1:9092"), 1, "built without Kafka");
}
