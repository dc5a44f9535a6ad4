//! How far an import is, for whoever shows it.

/// A part of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the file for the first time.
    Reading,
    /// Storing products.
    Products,
    /// Storing users.
    Users,
    /// Comparing the orders with those there are.
    Comparing,
    /// Reading the file for the second time and storing orders.
    Orders,
    /// Reading the file and storing tasks.
    Tasks,
}

/// What a stage is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of the file as it lies there, compressed or not.
    Bytes,
    /// Rows of the file.
    Rows,
    /// Entities.
    Entities,
}

impl Stage {
    /// What [`Progress::update`] counts in this stage.
    pub fn unit(self) -> Unit {
        match self {
            Self::Reading | Self::Tasks => Unit::Bytes,
            Self::Orders => Unit::Rows,
            Self::Products | Self::Users | Self::Comparing => Unit::Entities,
        }
    }
}

/// Told how far an import is, many times a second at most.
pub trait Progress: Send + Sync {
    /// `done` of `total` of the stage are done, in the stage's [`Unit`].
    fn update(&self, stage: Stage, done: u64, total: u64);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn update(&self, _: Stage, _: u64, _: u64) {}
}
