//! Users and their password hashes.

use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{
    event::{append_events, record_user},
    list::{Cursors, KeyType, ListBuilder, ListOrder},
    metadata, page,
    read_limit::loaded,
    row::{NamedRow, blob_columns, columns_of, named, text_columns},
    store::SqliteStore,
    words::{Searched, complete, fts_query},
    writer::Written,
};
use crate::{
    domain::{
        Direction, EventKind, Page, Refusal, RightsChange, SessionId, Slice, Sort, Stamp, User, UserChanges,
        UserFilter, UserId, UserRole, UserSort,
    },
    storage::{Credentials, Result, StoreError, UserQuery, UserStore},
};

blob_columns!(UserId);
text_columns!(UserRole);

pub(super) const COLUMNS: &str =
    "id, email, name, role, region, deleted_at, version, created_at, updated_at, metadata, password_hash";

pub(super) fn user_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<User> {
    let user = User {
        id: row.get("id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        role: row.get("role")?,
        region: row.get("region")?,
        deleted_at: row.get("deleted_at")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        metadata: metadata::from_row(row)?,
    };
    loaded(user, User::memory)
}

fn credentials_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Credentials> {
    Ok(Credentials { user: user_from_row(row)?, password_hash: row.get("password_hash")? })
}

fn by<'d>(db: &'d Connection, column: &str) -> Result<CachedStatement<'d>> {
    Ok(db.prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE {column} = ?1"))?)
}

/// The user with this id, who may be deleted.
pub(super) fn find(db: &Connection, id: UserId) -> Result<Option<User>> {
    Ok(by(db, "id")?.query_row([id], named(user_from_row)).optional()?)
}

/// The credentials of the user with this id, who may be deleted.
pub(super) fn find_credentials(db: &Connection, id: UserId) -> Result<Option<Credentials>> {
    Ok(by(db, "id")?.query_row([id], named(credentials_from_row)).optional()?)
}

/// The user to change; the change itself refuses a deleted one.
fn find_to_change(db: &Connection, id: UserId) -> Result<User> {
    Ok(find(db, id)?.ok_or(Refusal::NotFound)?)
}

/// Adds the user unless its id is stored already; returns whether it was added.
pub(super) fn insert_new(db: &Connection, user: &User, password_hash: Option<&str>) -> Result<bool> {
    let inserted = db
        .prepare_cached(&format!(
            "INSERT INTO users ({COLUMNS}, name_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
             ON CONFLICT (id) DO NOTHING"
        ))?
        .execute(params![
            user.id,
            user.email,
            user.name,
            user.role,
            user.region,
            user.deleted_at,
            user.version,
            user.created_at,
            user.updated_at,
            metadata::column(&user.metadata)?,
            password_hash,
            User::name_key(&user.name),
        ])?;
    complete(db, Searched::Users, user.id, || User::search_words(&user.name, user.email.as_deref()))?;
    Ok(inserted == 1)
}

fn save(db: &Connection, user: &User) -> Result<()> {
    db.prepare_cached(
        "UPDATE users SET email = ?2, name = ?3, name_key = ?4, role = ?5, region = ?6, deleted_at = ?7, \
         version = ?8, updated_at = ?9, metadata = ?10 WHERE id = ?1",
    )?
    .execute(params![
        user.id,
        user.email,
        user.name,
        User::name_key(&user.name),
        user.role,
        user.region,
        user.deleted_at,
        user.version,
        user.updated_at,
        metadata::column(&user.metadata)?,
    ])?;
    complete(db, Searched::Users, user.id, || User::search_words(&user.name, user.email.as_deref()))
}

/// Deletes all sessions of a user, and returns them.
pub(super) fn end_sessions(db: &Connection, user: UserId) -> Result<Vec<SessionId>> {
    let mut delete = db.prepare_cached("DELETE FROM sessions WHERE user_id = ?1 RETURNING id")?;
    let ended = delete.query_map([user], |row| row.get("id"))?.collect::<rusqlite::Result<_>>()?;
    Ok(ended)
}

/// Saves the password, and ends all sessions of the user, which it returns.
fn save_password(db: &Connection, id: UserId, password_hash: Option<&str>) -> Result<Vec<SessionId>> {
    db.prepare_cached("UPDATE users SET password_hash = ?2 WHERE id = ?1")?.execute(params![id, password_hash])?;
    end_sessions(db, id)
}

/// Checks that the session of a change has not ended, or that its API key was not revoked.
pub(super) fn check_session(db: &Connection, stamp: Stamp) -> Result<()> {
    let Some(session) = stamp.session() else { return Ok(()) };
    let mut owner = db.prepare_cached(
        "SELECT user_id FROM sessions WHERE id = ?1 UNION ALL SELECT created_by FROM api_keys WHERE id = ?1",
    )?;
    let owner = owner.query_row([session], |row| row.get("user_id")).optional()?;
    Ok(stamp.check_session(owner)?)
}

/// Checks that the session of a change has not ended, and that an actor who is staff still is.
pub(super) fn check_permission(db: &Connection, stamp: Stamp) -> Result<()> {
    check_session(db, stamp)?;
    let Some(actor) = stamp.staff() else { return Ok(()) };
    Ok(Stamp::check_staff(find(db, actor)?.as_ref())?)
}

/// Checks what allows a change of a user; an actor who changes another user must be an admin.
fn check_actor(db: &Connection, id: UserId, stamp: Stamp) -> Result<()> {
    if stamp.actor == Some(id) { check_session(db, stamp) } else { check_admin(db, stamp) }
}

/// Checks that the actor of a change is an admin, whose session has not ended.
pub(super) fn check_admin(db: &Connection, stamp: Stamp) -> Result<()> {
    check_session(db, stamp)?;
    let Some(actor) = stamp.actor else { return Ok(()) };
    Ok(find(db, actor)?.ok_or(Refusal::RightLost)?.check_is_admin()?)
}

fn update(
    db: &Connection,
    id: UserId,
    changes: UserChanges,
    expected_version: Option<i32>,
    stamp: Stamp,
) -> Result<Written<User>> {
    check_actor(db, id, stamp)?;
    let user = find_to_change(db, id)?;
    let Some(changed) = user.update(changes, expected_version, stamp.at)? else { return Ok(Written::unchanged(user)) };
    save(db, &changed)?;
    let ended = RightsChange::between(&user, &changed);
    record_user(db, EventKind::Updated, changed, ended, stamp)
}

fn delete(db: &Connection, id: UserId, stamp: Stamp) -> Result<Written<User>> {
    check_actor(db, id, stamp)?;
    let user = find_to_change(db, id)?;
    let deleted = user.clone().anonymise(stamp.at)?;
    save(db, &deleted)?;
    save_password(db, id, None)?;
    let ended = RightsChange::between(&user, &deleted);
    record_user(db, EventKind::Deleted, deleted, ended, stamp)
}

fn set_password(
    db: &Connection,
    id: UserId,
    password_hash: &str,
    verified: Option<&str>,
    stamp: Stamp,
) -> Result<Written<User>> {
    check_actor(db, id, stamp)?;
    let credentials = find_credentials(db, id)?.ok_or(Refusal::NotFound)?;
    if verified.is_some() {
        credentials.check_unchanged(verified)?;
    }
    let user = credentials.user.change_password(stamp.at)?;
    save(db, &user)?;
    let ended = save_password(db, id, Some(password_hash))?;
    record_user(db, EventKind::Updated, user, RightsChange::sessions(id, &ended), stamp)
}

/// The list of the users that pass `filter`.
pub(super) fn filtered(filter: &UserFilter, sort: Sort<UserSort>, slice: Option<&Slice>) -> ListBuilder {
    let (key, key_type) = match sort.field {
        UserSort::CreatedAt => ("u.created_at", KeyType::Int),
        UserSort::Name => ("u.name_key", KeyType::Text),
    };
    let cursors = slice.map_or_else(Cursors::default, |slice| Cursors::for_slice(slice, sort.direction));
    let mut list =
        ListBuilder::new("users u", ListOrder { key, key_type, id: "u.id", direction: sort.direction }, cursors);
    list.filter_by("u.deleted_at IS NULL".to_owned());
    if let Some(search) = &filter.search {
        let words = list.bind(fts_query(search));
        let hits = format!("SELECT rowid AS row FROM users_fts WHERE users_fts MATCH {words}");
        list.start_from_hits("hits CROSS JOIN users u ON u.row = hits.row", &hits);
    }
    if let Some(role) = filter.role {
        list.equals("u.role", role);
    }
    list
}

/// The columns of a user in a list.
pub(super) fn list_columns() -> String {
    columns_of("u", COLUMNS)
}

fn list(db: &Connection, query: &UserQuery) -> Result<Page<User>> {
    let list = filtered(&query.filter, query.sort, Some(&query.slice));
    let mut read = named(user_from_row);
    page::read_page(db, &list, &list_columns(), &query.slice, |row| Ok(read(row)?))
}

fn count(db: &Connection, filter: &UserFilter) -> Result<u64> {
    let sort = Sort { field: UserSort::CreatedAt, direction: Direction::Asc };
    page::count(db, &filtered(filter, sort, None))
}

#[async_trait]
impl UserStore for SqliteStore {
    async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<User>>> {
        let ids = ids.to_vec();
        self.read(move |db| {
            let (mut by_id, mut read) = (by(db, "id")?, named(user_from_row));
            ids.iter().map(|id| Ok(by_id.query_row([id], &mut read).optional()?)).collect()
        })
        .await
    }

    async fn users_by_emails(&self, emails: &[String]) -> Result<Vec<Option<User>>> {
        let emails = emails.to_vec();
        self.read(move |db| {
            let (mut by_email, mut read) = (by(db, "email")?, named(user_from_row));
            emails.iter().map(|email| Ok(by_email.query_row([email], &mut read).optional()?)).collect()
        })
        .await
    }

    async fn list_users(&self, queries: &[UserQuery]) -> Result<Vec<Page<User>>> {
        let queries = queries.to_vec();
        self.read(move |db| queries.iter().map(|query| list(db, query)).collect()).await
    }

    async fn count_users(&self, filters: &[UserFilter]) -> Result<Vec<u64>> {
        let filters = filters.to_vec();
        self.read(move |db| filters.iter().map(|filter| count(db, filter)).collect()).await
    }

    async fn insert_user(&self, user: &User, password_hash: Option<&str>) -> Result<()> {
        let (user, password_hash) = (user.clone(), password_hash.map(str::to_owned));
        self.change(move |db| match insert_new(db, &user, password_hash.as_deref())? {
            true => Ok(Written { value: (), events: append_events(db, vec![user.registration()])? }),
            false => Err(StoreError::internal(format!("the id {} is used already", user.id))),
        })
        .await
    }

    async fn update_user(
        &self,
        id: UserId,
        changes: UserChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<User> {
        self.change(move |db| update(db, id, changes, expected_version, stamp)).await
    }

    async fn delete_user(&self, id: UserId, stamp: Stamp) -> Result<User> {
        self.change(move |db| delete(db, id, stamp)).await
    }

    async fn credentials_by_email(&self, email: &str) -> Result<Option<Credentials>> {
        let email = email.to_owned();
        self.read(move |db| Ok(by(db, "email")?.query_row([email], named(credentials_from_row)).optional()?)).await
    }

    async fn credentials_by_id(&self, id: UserId) -> Result<Option<Credentials>> {
        self.read(move |db| {
            let found = find_credentials(db, id)?;
            Ok(found.filter(|credentials| credentials.user.deleted_at.is_none()))
        })
        .await
    }

    async fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        verified: Option<&str>,
        stamp: Stamp,
    ) -> Result<User> {
        let (password_hash, verified) = (password_hash.to_owned(), verified.map(str::to_owned));
        self.change(move |db| set_password(db, id, &password_hash, verified.as_deref(), stamp)).await
    }
}
