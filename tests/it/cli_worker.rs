//! `orderwire worker` beside `orderwire serve`, with the example receivers of webhooks: what they have stored is the log.

use std::{path::Path, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    cli_process::{Running, graphql, login, orderwire, run_with_input, stderr},
    support::{port::free_port, wait_until},
};

const PASSWORD: &str = "correct horse battery staple";
const SOON: Duration = Duration::from_secs(50);
/// A server and a worker share the database in the folder, and webhooks may be sent to this machine.
const SETTINGS: [(&str, &str); 4] = [
    ("JWT_SECRET", "q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE"),
    ("METRICS_BIND", "off"),
    ("ORDERWIRE_WEBHOOKS_ENCRYPTION_KEYS", "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("ORDERWIRE_WEBHOOKS_ALLOWED_NETWORKS", "127.0.0.0/8"),
];

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = orderwire(folder, arguments);
    command.envs(SETTINGS);
    command
}

/// An example receiver that stores what it takes in a file.
struct Receiver {
    program: [&'static str; 2],
    port: String,
    secret: String,
}

impl Receiver {
    fn start(&self, folder: &Path) -> Running {
        let [interpreter, file] = self.program;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("client-examples/webhooks").join(file);
        let mut command = Command::new(interpreter);
        command.arg(script).arg(&self.port).arg(folder.join(format!("{file}.jsonl")));
        let mut running = Running::start({
            command.env("SECRET", &self.secret);
            command
        });
        running.line("listening on");
        running
    }

    /// The ids of what it has stored.
    fn stored(&self, folder: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(folder.join(format!("{}.jsonl", self.program[1]))).unwrap_or_default();
        let id = |line: &str| serde_json::from_str::<Value>(line).ok().map(|event| event["data"]["id"].clone());
        text.lines().filter_map(id).collect()
    }
}

async fn data(address: &str, token: &str, query: &str, variables: Value) -> Value {
    let answer = graphql(address, Some(token), query, variables).await;
    assert_eq!(answer.get("errors"), None, "{query}");
    answer["data"].clone()
}

#[tokio::test]
async fn a_worker_sends_webhooks_to_the_example_receivers_and_another_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let create =
        ["user", "create", "--name", "Ann", "--email", "ann@example.com", "--role", "admin", "--password-stdin"];
    let created = run_with_input(folder, &create, &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{}", stderr(&created));
    let (server, address) = Running::server(command(folder, &["serve", "--set", "worker.embedded=false"]));
    let token = login(&address, "ann@example.com", PASSWORD).await.unwrap();

    let mut receivers = Vec::new();
    for program in [["python3", "receiver.py"], ["node", "receiver.mjs"]] {
        let port = free_port().to_string();
        let webhook = "mutation ($url: String!) { createWebhook(input: { url: $url, kinds: [TASK_CREATED, TASK_UPDATED] }) { secret userErrors { message } } }";
        let made = data(&address, &token, webhook, json!({ "url": format!("http://127.0.0.1:{port}/") })).await;
        assert_eq!(made["createWebhook"]["userErrors"], json!([]));
        let secret = made["createWebhook"]["secret"].as_str().unwrap().to_owned();
        receivers.push(Receiver { program, port, secret });
    }
    let work = async |count: usize| {
        for _ in 0..count {
            let task = "mutation { createTask(input: { title: \"T\" }) { task { id } } }";
            let task = data(&address, &token, task, json!({})).await["createTask"]["task"]["id"].clone();
            let done = "mutation ($id: ID!) { updateTask(input: { id: $id, status: DONE }) { task { id } } }";
            data(&address, &token, done, json!({ "id": task })).await;
        }
    };
    let all_stored = async || {
        let events = "{ events(first: 100, filter: { kinds: [TASK_CREATED, TASK_UPDATED] }) { nodes { id } } }";
        let events = data(&address, &token, events, json!({})).await["events"]["nodes"].clone();
        let expected: Vec<Value> = events.as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
        for receiver in &receivers {
            let what = format!("{} has stored everything", receiver.program[1]);
            wait_until(&what, SOON, async || receiver.stored(folder).len() >= expected.len()).await;
            assert_eq!(receiver.stored(folder), expected, "{}", receiver.program[1]);
        }
    };
    let running: Vec<Running> = receivers.iter().map(|receiver| receiver.start(folder)).collect();
    work(3).await;
    assert!(receivers.iter().all(|receiver| receiver.stored(folder).is_empty()), "the server sends none itself");
    let mut worker = Running::start(command(folder, &["worker"]));
    worker.line("running jobs, and what follows the event log");
    all_stored().await;

    // The worker stops, and so do the receivers, which then remember what they have.
    worker.signal("TERM");
    let (status, printed) = worker.end();
    assert_eq!(status.code(), Some(0), "{printed}");
    drop(running);
    work(3).await;
    let _running: Vec<Running> = receivers.iter().map(|receiver| receiver.start(folder)).collect();
    let mut worker = Running::start(command(folder, &["worker"]));
    worker.line("running jobs, and what follows the event log");
    work(2).await;
    all_stored().await;
    drop(worker);
    drop(server);
}
