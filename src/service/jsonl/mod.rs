//! The lines of JSON by which entities are exported and imported: one entity a line, named and written as in the API.
//!
//! The prefix of `id` says which kind of entity a line is. A field without a value is left out. The last line of an export is
//! an [`EndLine`]. A line that is read is checked by the rules of the API; what is wrong with it is told without its values,
//! so that lines with the same fault are counted together.
//!
//! Decision: `docs/decisions/0037-exports.md`.

mod fault;
mod order;
mod product;
mod task;
mod user;
mod values;

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::IgnoredAny};

pub(super) use fault::Fault;
use fault::parse_as;
use order::OrderRecord;
use product::ProductRecord;
use task::TaskRecord;
use user::UserRecord;

use crate::domain::{Order, OrderId, Product, ProductId, Task, TaskId, User, UserId};

/// Why a line that is no object is refused.
const NO_OBJECT: Fault = Cow::Borrowed("not a JSON object");
/// Why a line that has neither an id nor the end is refused.
const UNKNOWN_KIND: Fault = Cow::Borrowed("no id that begins with usr_, prd_, ord_ or tsk_");

/// What a line says.
pub(super) enum Line {
    User(User),
    Product(Product),
    Order(Order),
    Task(Task),
    End(EndLine),
}

/// The last line of an export: `{"end":{"lines":12,"cursor":"c…"}}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    pub(super) end: End,
}

/// What the last line of an export says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// How many lines come before.
    pub(super) lines: u64,
    /// The position of the log whose state the lines are.
    pub(super) cursor: String,
}

/// Enough of a line to know what the rest is.
#[derive(Deserialize)]
struct Head<'l> {
    #[serde(borrow)]
    id: Option<Cow<'l, str>>,
    end: Option<IgnoredAny>,
}

/// Reads a line.
pub(super) fn parse(line: &[u8]) -> Result<Line, Fault> {
    if !line.starts_with(b"{") {
        return Err(NO_OBJECT);
    }
    let head: Head<'_> = parse_as(line)?;
    if head.end.is_some() {
        return parse_as(line).map(Line::End);
    }
    match head.id.as_deref().and_then(|id| id.get(..UserId::PREFIX.len())) {
        Some(UserId::PREFIX) => parse_as::<UserRecord<'_>>(line)?.check().map(Line::User),
        Some(ProductId::PREFIX) => parse_as::<ProductRecord<'_>>(line)?.check().map(Line::Product),
        Some(OrderId::PREFIX) => parse_as::<OrderRecord<'_>>(line)?.check().map(Line::Order),
        Some(TaskId::PREFIX) => parse_as::<TaskRecord<'_>>(line)?.check().map(Line::Task),
        _ => Err(UNKNOWN_KIND),
    }
}

/// An entity that has a line.
pub(super) trait HasLine {
    /// Appends its line, with the line break.
    fn write_line(&self, to: &mut Vec<u8>) -> serde_json::Result<()>;
}

macro_rules! has_line {
    ($($entity:ident: $record:ident),*) => {$(
        impl HasLine for $entity {
            fn write_line(&self, to: &mut Vec<u8>) -> serde_json::Result<()> {
                write_json(&$record::from(self), to)
            }
        }
    )*};
}

has_line!(User: UserRecord, Product: ProductRecord, Order: OrderRecord, Task: TaskRecord);

impl HasLine for EndLine {
    fn write_line(&self, to: &mut Vec<u8>) -> serde_json::Result<()> {
        write_json(self, to)
    }
}

fn write_json(record: &impl Serialize, to: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *to, record)?;
    to.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests;
