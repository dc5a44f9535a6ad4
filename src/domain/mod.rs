//! Entities, ids, money, events, state machines and the viewer's rules: no I/O, no async, nothing of ours beneath it.
//!
//! The serde form of these types is the wire form between nodes and in the event log: ids as prefixed strings,
//! money as integer units of 1/10,000, times as milliseconds since the Unix epoch.

mod client;
mod event;
mod id;
mod money;
mod order;
mod page;
mod product;
mod search;
mod task;
mod time;
mod token_bucket;
mod user;
mod viewer;

pub use client::{ClientAddress, PRIVATE_NETWORKS};
pub use event::{Entity, EntityKind, Event, EventCursor, EventKind, InvalidCursor, LogFilter, LogId, Seq};
pub use id::{AnyId, EventId, InvalidId, OrderId, ProductId, SessionId, TaskId, UserId};
pub use money::{CurrencyCode, Decimal, InvalidCurrency, InvalidDecimal, Money};
pub use order::{
    HistoryEntry, InvalidTransition, NewOrder, Order, OrderFields, OrderFilter, OrderItem, OrderLine, OrderSort,
    OrderStatus, PlaceError,
};
pub use page::{Direction, Edge, ListQuery, Page, Position, Slice, Sort, SortKey, Take};
pub use product::{NewProduct, Product, ProductChanges, ProductFields, ProductFilter, ProductSort, ProductStatus};
pub use search::SearchTerms;
pub use task::{Task, TaskChanges, TaskFields, TaskFilter, TaskPriority, TaskSort, TaskStatus};
pub use time::{Clock, InvalidTimestamp, SystemClock, Timestamp};
pub use token_bucket::TokenBucket;
pub use user::{User, UserChanges, UserFilter, UserRole, UserSort};
pub use viewer::{Stamp, Viewer};
