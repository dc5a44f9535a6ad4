//! Runs the real `orderwire` program.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// Upper bound for every wait.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The command `orderwire` in `folder`, without this process's environment; temporary files go to `folder`.
pub fn orderwire(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderwire"));
    command.current_dir(folder).args(arguments).env_clear().env("TMPDIR", folder).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    orderwire(folder, arguments).output().unwrap()
}

/// Runs the program to its end with `input` on its standard input.
pub fn run_with_input(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = orderwire(folder, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Checks that the program failed with this exit code and one line that contains `message`.
pub fn assert_refused(output: &Output, code: i32, message: &str) {
    let printed = stderr(output);
    let errors: Vec<&str> = printed.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && errors[0].contains(message), "{message:?} is not the one error of: {printed}");
    assert!(!printed.contains("panicked"), "{printed}");
    assert_eq!(output.status.code(), Some(code), "{printed}");
}

/// A running program; dropping it kills the process.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts the command and reads its output in the background.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Starts a server on a free port; returns it with its base URL.
    pub fn server(mut command: Command) -> (Self, String) {
        command.env("BIND", "127.0.0.1:0");
        let mut server = Self::start(command);
        let line = server.line("listening on http://");
        let address = line.split("listening on ").nth(1).unwrap().split(['"', ' ']).next().unwrap().to_owned();
        (server, address)
    }

    /// Waits for the next line, on either output, that contains `text`.
    pub fn line(&mut self, text: &str) -> String {
        let end = Instant::now() + TIMEOUT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => {
                    self.seen.push(line.clone());
                    return line;
                }
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no line with {text:?} in:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the process to end; returns its exit status and all lines that it printed.
    pub fn end(mut self) -> (ExitStatus, String) {
        let end = Instant::now() + TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.seen.join("\n"));
            thread::sleep(Duration::from_millis(5));
        };
        // Both outputs are closed when the process ends.
        while let Ok(line) = self.lines.recv_timeout(TIMEOUT) {
            self.seen.push(line);
        }
        (status, self.seen.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a GraphQL request, with an access token if there is one, and returns the response.
pub async fn graphql(
    address: &str,
    token: Option<&str>,
    query: &str,
    variables: serde_json::Value,
) -> serde_json::Value {
    let mut request = reqwest::Client::new()
        .post(format!("{address}/graphql"))
        .json(&serde_json::json!({ "query": query, "variables": variables }));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().json().await.unwrap()
}

/// Signs in and returns the access token, or the user errors.
pub async fn login(address: &str, email: &str, password: &str) -> Result<String, serde_json::Value> {
    const LOGIN: &str =
        "mutation($input: LoginInput!) { login(input: $input) { session { accessToken } userErrors { code } } }";
    let variables = serde_json::json!({ "input": { "email": email, "password": password } });
    let answer = graphql(address, None, LOGIN, variables).await;
    let login = &answer["data"]["login"];
    login["session"]["accessToken"].as_str().map(str::to_owned).ok_or_else(|| login["userErrors"].clone())
}
