//! Imports what an export has written: a line of JSON for each entity, which is stored as it was exported.
//!
//! Lines are stored in their order, some at a time. The first line that is not acceptable ends the import, by its number; the
//! lines before it are stored. Entities whose ids are stored already are left as they are, so that an import that was cut
//! off, or whose file was mended, is completed by running it again.

mod check;
mod line;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read},
    sync::{Arc, atomic::Ordering},
};

use tokio::{sync::mpsc, task::spawn_blocking};

pub use line::{Kind, Line};

use super::{Counts, ImportError, ImportSource, Progress, Stage, error::broken_off};
use crate::{
    domain::UserId,
    storage::{Credentials, Store, StoreError},
};

/// Bytes of the longest line: more than the largest entity.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;
const LINES_PER_BATCH: usize = 100;
/// How many batches may wait to be stored.
const BATCHES_WAITING: usize = 2;

/// What was imported, by kind.
pub type JsonlSummary = BTreeMap<Kind, Counts>;

/// Lines of one kind, with the number of the first; the others follow it.
struct Batch {
    first: u64,
    lines: Vec<Line>,
    bytes: (u64, u64),
}

/// Why a line is not acceptable.
struct Fault {
    line: u64,
    reason: String,
}

/// Imports the file.
pub async fn import(
    store: &dyn Store,
    source: &ImportSource,
    progress: Arc<dyn Progress>,
) -> Result<JsonlSummary, ImportError> {
    let (sender, mut batches) = mpsc::channel::<Batch>(BATCHES_WAITING);
    let reading = {
        let source = source.clone();
        spawn_blocking(move || read(&source, &sender))
    };
    let mut summary = JsonlSummary::new();
    while let Some(batch) = batches.recv().await {
        let bytes = batch.bytes;
        if let Some(fault) = store_batch(store, batch, &mut summary).await? {
            return Err(refused(source, fault));
        }
        progress.update(Stage::Lines, bytes.0, bytes.1);
    }
    match reading.await.map_err(broken_off)?? {
        Some(fault) => Err(refused(source, fault)),
        None => Ok(summary),
    }
}

fn refused(source: &ImportSource, Fault { line, reason }: Fault) -> ImportError {
    ImportError::Line { name: source.to_string(), line, reason, before: line - 1 }
}

/// Reads the file and sends its lines, until one is not acceptable. Returns early, without an error, if the receiver is gone.
fn read(source: &ImportSource, batches: &mpsc::Sender<Batch>) -> Result<Option<Fault>, ImportError> {
    let opened = source.open()?;
    let failed = |cause| ImportError::Read { name: source.to_string(), cause };
    let mut content = BufReader::new(opened.content);
    let mut last_ids = BTreeMap::new();
    let mut waiting: Vec<Line> = Vec::new();
    let (mut number, mut text) = (0_u64, Vec::new());
    let fault = loop {
        text.clear();
        let read = (&mut content).take(LONGEST_LINE + 1).read_until(b'\n', &mut text).map_err(failed)?;
        if read == 0 {
            break None;
        }
        number += 1;
        let line = match parse(&text, &mut last_ids) {
            Ok(line) => line,
            Err(reason) => break Some(Fault { line: number, reason }),
        };
        let is_full = waiting.len() == LINES_PER_BATCH || waiting.last().is_some_and(|last| last.kind() != line.kind());
        if is_full {
            let first = number - waiting.len() as u64;
            let bytes = (opened.consumed.load(Ordering::Relaxed), opened.length);
            if batches.blocking_send(Batch { first, lines: std::mem::take(&mut waiting), bytes }).is_err() {
                return Ok(None);
            }
        }
        waiting.push(line);
    };
    if !waiting.is_empty() {
        let read = if fault.is_some() { number - 1 } else { number };
        let first = read + 1 - waiting.len() as u64;
        let bytes = (opened.consumed.load(Ordering::Relaxed), opened.length);
        // Fails if the receiver is gone, which has the reason.
        let _ = batches.blocking_send(Batch { first, lines: waiting, bytes });
    }
    Ok(fault)
}

/// The entity of a line with its line break. Ids of a kind rise, so that none is there twice.
fn parse(text: &[u8], last_ids: &mut BTreeMap<Kind, ulid::Ulid>) -> Result<Line, String> {
    let Some(text) = text.strip_suffix(b"\n") else {
        return Err(if text.len() as u64 > LONGEST_LINE {
            "it is longer than 16 MiB".to_owned()
        } else {
            "it is cut off: it does not end with a line break".to_owned()
        });
    };
    let line = Line::parse(text)?;
    check::check(&line)?;
    let id = line.id();
    match last_ids.insert(line.kind(), id) {
        Some(last) if last == id => Err("the line before it has the same id".to_owned()),
        Some(last) if last > id => {
            Err("its id is below that of the line before it; an export has them in order".to_owned())
        }
        _ => Ok(line),
    }
}

/// Stores lines of one kind up to the first that is not acceptable, which it returns.
async fn store_batch(
    store: &dyn Store,
    batch: Batch,
    summary: &mut JsonlSummary,
) -> Result<Option<Fault>, ImportError> {
    let missing = missing_users(store, &batch.lines).await?;
    let refers_to_missing = |line: &Line| users_of(line).into_iter().find(|user| missing.contains(user));
    let fault = batch.lines.iter().enumerate().find_map(|(place, line)| Some((place, refers_to_missing(line)?)));
    let acceptable = fault.map_or(batch.lines.len(), |(place, _)| place);
    let (lines, _) = batch.lines.split_at(acceptable);
    if let Some((place, error)) = store_lines(store, lines, summary).await? {
        return Ok(Some(Fault { line: batch.first + place as u64, reason: error.to_string() }));
    }
    Ok(fault.map(|(place, user)| Fault {
        line: batch.first + place as u64,
        reason: format!("there is no user {user}; import the users first"),
    }))
}

/// Stores lines of one kind. If they are refused together, stores one after the other, and returns the place of the first
/// that is refused.
async fn store_lines(
    store: &dyn Store,
    lines: &[Line],
    summary: &mut JsonlSummary,
) -> Result<Option<(usize, StoreError)>, ImportError> {
    let Some(kind) = lines.first().map(Line::kind) else { return Ok(None) };
    match load(store, kind, lines).await {
        Ok(new) => count(summary, kind, lines.len() as u64, new),
        Err(StoreError::Refused(_)) => {
            for (place, line) in lines.iter().enumerate() {
                match load(store, kind, std::slice::from_ref(line)).await {
                    Ok(new) => count(summary, kind, 1, new),
                    Err(error @ StoreError::Refused(_)) => return Ok(Some((place, error))),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(None)
}

fn count(summary: &mut JsonlSummary, kind: Kind, total: u64, new: u64) {
    let counts = summary.entry(kind).or_default();
    counts.total += total;
    counts.new += new;
}

async fn load(store: &dyn Store, kind: Kind, lines: &[Line]) -> Result<u64, StoreError> {
    let lines = lines.iter().cloned();
    match kind {
        Kind::Products => {
            let products =
                lines.filter_map(|line| if let Line::Product(product) = line { Some(product) } else { None });
            store.import_products(&products.collect::<Vec<_>>()).await
        }
        Kind::Orders => {
            let orders = lines.filter_map(|line| if let Line::Order(order) = line { Some(order) } else { None });
            store.import_orders(&orders.collect::<Vec<_>>()).await
        }
        Kind::Tasks => {
            let tasks = lines.filter_map(|line| if let Line::Task(task) = line { Some(task) } else { None });
            store.import_tasks(&tasks.collect::<Vec<_>>()).await
        }
        Kind::Users => {
            let users = lines.filter_map(|line| match line {
                Line::User(user) => Some(Credentials { user, password_hash: None }),
                Line::Account { user, password_hash } => Some(Credentials { user, password_hash: Some(password_hash) }),
                _ => None,
            });
            store.import_credentials(&users.collect::<Vec<_>>()).await
        }
    }
}

/// The users whom an entity names, who must be there.
fn users_of(line: &Line) -> BTreeSet<UserId> {
    match line {
        Line::Order(order) => {
            [order.customer].into_iter().chain(order.history.iter().filter_map(|entry| entry.actor)).collect()
        }
        Line::Task(task) => [task.created_by].into_iter().chain(task.assignee).collect(),
        Line::Product(_) | Line::User(_) | Line::Account { .. } => BTreeSet::new(),
    }
}

async fn missing_users(store: &dyn Store, lines: &[Line]) -> Result<BTreeSet<UserId>, ImportError> {
    let named: Vec<UserId> = lines.iter().flat_map(users_of).collect::<BTreeSet<_>>().into_iter().collect();
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = store.users_by_ids(&named).await?;
    Ok(named.into_iter().zip(found).filter(|(_, user)| user.is_none()).map(|(id, _)| id).collect())
}
