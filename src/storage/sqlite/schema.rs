//! Opens the database file and migrates its schema.

use std::{path::Path, time::Instant};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, config::DbConfig};

use super::{deployment, options::SqliteOptions, read_limit, words};
use crate::storage::{Result, StoreError};

/// The migrations from an empty file to the current schema, in order; `user_version` counts those that were run.
const MIGRATIONS: [&str; 12] = [
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
    include_str!("migrations/0009.sql"),
    include_str!("migrations/0010.sql"),
    include_str!("migrations/0011.sql"),
    include_str!("migrations/0012.sql"),
];

/// Marks a file as Orderwire's: `OWIR` in ASCII.
const APPLICATION_ID: i32 = 0x4F57_4952;

/// Opens the connection for writes and migrates the schema.
pub(super) fn open(path: &Path, options: SqliteOptions) -> Result<Connection> {
    let named = |error: StoreError| match error {
        StoreError::Unavailable(why) => StoreError::Unavailable(format!("{}: {why}", path.display())),
        other => other,
    };
    check_folder(path).and_then(|()| open_and_migrate(path, options)).map_err(named)
}

fn check_folder(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(StoreError::Unavailable("is a folder; name a file in it".to_owned()));
    }
    if !folder.is_dir() {
        return Err(StoreError::Unavailable("its folder does not exist; make it or choose another file".to_owned()));
    }
    Ok(())
}

/// Creates the file readable for its owner alone, and takes the rights of others from files that exist. SQLite gives the
/// files beside it the same rights.
#[cfg(unix)]
fn keep_private(path: &Path) -> Result<()> {
    use std::{fs, io::ErrorKind, os::unix::fs::OpenOptionsExt, os::unix::fs::PermissionsExt};
    // Every other error is found, and explained, when SQLite opens the file.
    let _ = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let Ok(found) = fs::metadata(&file) else { continue };
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            continue;
        }
        match fs::set_permissions(&file, fs::Permissions::from_mode(mode & 0o700)) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::warn!(file = %Path::new(&file).display(), "others may read this file, and it belongs to another user");
            }
            result => result.map_err(|error| StoreError::Unavailable(format!("its rights can't be set: {error}")))?,
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) -> Result<()> {
    Ok(())
}

fn open_and_migrate(path: &Path, options: SqliteOptions) -> Result<Connection> {
    keep_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    if connection.is_readonly(MAIN_DB)? {
        let advice = "can't be written; give this user write access to the file and its folder";
        return Err(StoreError::Unavailable(advice.to_owned()));
    }
    check_origin(&connection)?;
    let found = version(&connection)?;
    refuse_newer(found)?;
    deployment::check(&connection, options.deployment, found)?;
    enter_wal(&connection, options)?;
    keep_statements(&connection)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    connection.execute_batch(&options.writer_memory())?;
    migrate(&mut connection)?;
    deployment::claim(&connection, options.deployment)?;
    words::complete_all(&mut connection)?;
    // A migration may need more, because it may build an index of a whole table.
    connection.execute_batch(&options.heap_limits())?;
    Ok(connection)
}

/// Keeps prepared statements, each with one plan. Without the guarantee of a stable plan, SQLite looks at the values of
/// some parameters when it plans a statement, and prepares it again for each execution.
fn keep_statements(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(256);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens a connection for reads; the file must exist with the current schema.
pub(super) fn open_reader(path: &Path, options: SqliteOptions) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    keep_statements(&connection)?;
    read_limit::install(&mut connection)?;
    connection.execute_batch(
        "PRAGMA query_only = ON;
         PRAGMA temp_store = MEMORY;",
    )?;
    connection.execute_batch(&options.reader_memory())?;
    Ok(connection)
}

/// Refuses the database of another program.
fn check_origin(connection: &Connection) -> Result<()> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get("application_id"))?;
    let empty: bool =
        connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema) AS is_empty", [], |row| row.get("is_empty"))?;
    if application == APPLICATION_ID || (application == 0 && empty) {
        return Ok(());
    }
    Err(StoreError::Unavailable("is the database of another program; choose another file".to_owned()))
}

/// Switches to WAL mode. The first switch needs exclusive access and fails at once without it, so it is retried for the
/// busy timeout.
fn enter_wal(connection: &Connection, options: SqliteOptions) -> Result<()> {
    let began = Instant::now();
    loop {
        let switched =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>("journal_mode"));
        match switched {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(StoreError::Unavailable(format!(
                    "its file system can't hold a write-ahead log (the journal mode stays {mode}); choose a local disk"
                )));
            }
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && began.elapsed() < options.busy_timeout =>
            {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn version(connection: &Connection) -> Result<usize> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get("user_version"))?;
    usize::try_from(version).map_err(StoreError::internal)
}

fn refuse_newer(version: usize) -> Result<()> {
    if version <= MIGRATIONS.len() {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "has schema version {version}, this Orderwire knows versions up to {}; run a newer Orderwire",
        MIGRATIONS.len()
    )))
}

fn migrate(connection: &mut Connection) -> Result<()> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let taken = version(&transaction)?;
    refuse_newer(taken)?;
    for step in &MIGRATIONS[taken..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    Ok(transaction.commit()?)
}
