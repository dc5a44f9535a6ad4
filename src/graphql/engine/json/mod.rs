//! Objects whose fields need nothing but the object itself, written as JSON without the executor.
//!
//! For each field the executor makes a future, a value and a map entry, which costs more than all the rest of a nested
//! query. A value wrapped in [`DirectJson`] is resolved to its JSON text instead. [`json_object`] declares the fields once,
//! for the executor and for this module. The executor still resolves selections that have no [`plan::JsonPlan`].
//!
//! Decision: `docs/decisions/0007-direct-json.md`.

mod direct;
mod metered;
mod object;
pub(crate) mod plan;
mod plans;
mod raw;
pub(crate) mod text;
pub(crate) mod values;

pub use direct::DirectJson;
pub(crate) use metered::Metered;
pub(crate) use object::json_object;
pub use plans::{JsonPlans, place_position};
pub use raw::write_data;
pub(crate) use raw::{is_raw, raw_value};
pub use text::{Json, TYPE_KEY};
pub(crate) use values::{json_enum, json_text};
