//! The pool of connections for reads.

use std::{path::Path, sync::Arc};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{options::SqliteOptions, schema};
use crate::{
    storage::{Result, StoreError},
    telemetry::metrics::{GaugeGuard, metrics},
};

/// A fixed number of connections, each used by one read at a time.
pub(super) struct Pool {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    size: u32,
}

/// A borrowed connection, returned to the pool on drop, even after a panic.
struct Loan {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
    _counted: GaugeGuard,
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle.lock().push(connection);
        }
    }
}

impl Pool {
    /// Opens all connections.
    pub(super) fn open(path: &Path, options: SqliteOptions) -> Result<Self> {
        let size = options.readers.clamp(1, 256);
        let connections = (0..size).map(|_| schema::open_reader(path, options)).collect::<Result<Vec<_>>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(connections)), permits: Arc::new(Semaphore::new(size)), size: size as u32 })
    }

    /// Runs `work` on one snapshot of the database, on a blocking thread, as soon as a connection is free.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let waiting = GaugeGuard::new(&metrics().sqlite_reads_waiting);
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        drop(waiting);
        let idle = Arc::clone(&self.idle);
        let connection = idle.lock().pop();
        let loan = Loan { connection, idle, _permit: permit, _counted: GaugeGuard::new(&metrics().sqlite_reads) };
        let reading = tokio::task::spawn_blocking(move || {
            let connection = loan.connection.as_ref().ok_or_else(closed)?;
            // Reading only, so there is nothing to commit: dropping the transaction ends the snapshot.
            let snapshot = connection.unchecked_transaction()?;
            work(&snapshot)
        });
        reading.await.map_err(StoreError::internal)?
    }

    /// Waits for running reads and closes the connections.
    pub(super) async fn close(&self) {
        let all = self.permits.acquire_many(self.size).await;
        self.permits.close();
        drop(all);
        self.idle.lock().clear();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
