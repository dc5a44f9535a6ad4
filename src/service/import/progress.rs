//! Progress reports of an import.

/// A stage of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the file for the first time.
    Reading,
    /// Storing new products.
    Products,
    /// Storing new users.
    Users,
    /// Comparing the orders with those already stored.
    Comparing,
    /// Reading the file for the second time and storing orders.
    Orders,
    /// Reading the file and storing tasks.
    Tasks,
    /// Reading lines of JSON and storing what they say.
    Lines,
    /// Reading the database and writing lines of JSON.
    Export,
}

/// The unit in which a stage's progress is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of the file as stored, before decompression.
    Bytes,
    /// Rows read from the file.
    Rows,
    /// Products, users, orders or tasks.
    Entities,
}

impl Stage {
    /// The unit in which [`Progress::update`] counts this stage.
    pub fn unit(self) -> Unit {
        match self {
            Self::Reading | Self::Tasks | Self::Lines => Unit::Bytes,
            Self::Orders => Unit::Rows,
            Self::Products | Self::Users | Self::Comparing | Self::Export => Unit::Entities,
        }
    }
}

/// Receives progress reports, up to many times per second.
pub trait Progress: Send + Sync {
    /// Reports that `done` of `total` are complete, in the stage's [`Unit`].
    fn update(&self, stage: Stage, done: u64, total: u64);
}

/// Ignores progress reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn update(&self, _: Stage, _: u64, _: u64) {}
}
