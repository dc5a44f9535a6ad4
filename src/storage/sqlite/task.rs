//! Tasks, and lists of tasks as SQL.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use async_trait::async_trait;
use rusqlite::{
    Connection, OptionalExtension, ToSql, params,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef},
};

use super::{
    event,
    list::{Cursors, KeyType, ListBuilder, ListOrder},
    metadata::{self, WithMetadata},
    page,
    read_limit::loaded,
    row::{NamedRow, blob_columns, columns_of, named, text_columns},
    store::SqliteStore,
    user,
    words::{Searched, complete, fts_query},
    writer::Written,
};
use crate::{
    domain::{
        Changed, Direction, Metadata, Page, Refusal, SearchTerms, Slice, Sort, Stamp, Task, TaskChanges, TaskFields,
        TaskFilter, TaskId, TaskPriority, TaskSort, TaskStatus, UserId,
    },
    storage::{Result, StoreError, TaskQuery, TaskStore},
};

blob_columns!(TaskId);
text_columns!(TaskStatus);

/// Priorities are stored by rank, so that they sort.
impl ToSql for TaskPriority {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::from(*self)))
    }
}

impl FromSql for TaskPriority {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let rank = value.as_i64()?;
        Self::from_rank(rank).ok_or(FromSqlError::OutOfRange(rank))
    }
}

impl From<TaskPriority> for Value {
    fn from(priority: TaskPriority) -> Self {
        Value::Integer(priority.rank())
    }
}

pub(super) const COLUMNS: &str =
    "id, title, status, priority, created_by, assignee, order_id, due_at, version, created_at, updated_at, metadata";

pub(super) fn task_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Task> {
    let task = Task {
        id: row.get("id")?,
        title: row.get("title")?,
        status: row.get("status")?,
        priority: row.get("priority")?,
        created_by: row.get("created_by")?,
        assignee: row.get("assignee")?,
        order: row.get("order_id")?,
        due_at: row.get("due_at")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        metadata: metadata::from_row(row)?,
        description: row.get("description")?,
    };
    loaded(task, Task::memory)
}

fn find(db: &Connection, id: TaskId) -> Result<Option<Task>> {
    let sql = format!("SELECT {COLUMNS}, description FROM tasks WHERE id = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([id], named(task_from_row)).optional()?)
}

fn find_whole(db: &Connection, id: TaskId) -> Result<Task> {
    Ok(find(db, id)?.ok_or(Refusal::NotFound)?)
}

/// Adds the task unless its id is stored already; returns whether it was added.
pub(super) fn insert_new(db: &Connection, task: &Task) -> Result<bool> {
    let inserted = db
        .prepare_cached(&format!(
            "INSERT INTO tasks ({COLUMNS}, description, due_key) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO NOTHING"
        ))?
        .execute(params![
            task.id,
            task.title,
            task.status,
            task.priority,
            task.created_by,
            task.assignee,
            task.order,
            task.due_at,
            task.version,
            task.created_at,
            task.updated_at,
            metadata::column(&task.metadata)?,
            task.description,
            Task::due_key(task.due_at),
        ])?;
    complete(db, Searched::Tasks, task.id, || Task::search_words(&task.title, task.description.as_deref()))?;
    if inserted == 1 {
        index_metadata(db, task, &Metadata::default())?;
    }
    Ok(inserted == 1)
}

fn index_metadata(db: &Connection, task: &Task, old: &Metadata) -> Result<()> {
    metadata::index(db, WithMetadata::Tasks, task.id.to_bytes(), old, &task.metadata)
}

fn check_assignee(db: &Connection, assignee: Option<UserId>) -> Result<()> {
    let Some(assignee) = assignee else { return Ok(()) };
    Ok(Task::check_assignee(user::find(db, assignee)?.as_ref())?)
}

fn insert(db: &Connection, task: Task, stamp: Stamp) -> Result<Written<Task>> {
    user::check_permission(db, stamp)?;
    check_assignee(db, task.assignee)?;
    if !insert_new(db, &task)? {
        return Err(StoreError::internal(format!("the id {} is used already", task.id)));
    }
    event::record(db, Changed::created(task), stamp)
}

fn update(
    db: &Connection,
    id: TaskId,
    changes: TaskChanges,
    expected_version: Option<i32>,
    stamp: Stamp,
) -> Result<Written<Task>> {
    user::check_permission(db, stamp)?;
    let task = find_whole(db, id)?;
    let assignee = changes.new_assignee(&task);
    let Some(changed) = task.update(changes, expected_version, stamp)? else { return Ok(Written::unchanged(task)) };
    check_assignee(db, assignee)?;
    let (old, task) = (task.metadata, &changed.value);
    db.prepare_cached(
        "UPDATE tasks SET title = ?2, description = ?3, status = ?4, priority = ?5, assignee = ?6, due_at = ?7, \
         due_key = ?8, version = ?9, updated_at = ?10, metadata = ?11 WHERE id = ?1",
    )?
    .execute(params![
        task.id,
        task.title,
        task.description,
        task.status,
        task.priority,
        task.assignee,
        task.due_at,
        Task::due_key(task.due_at),
        task.version,
        task.updated_at,
        metadata::column(&task.metadata)?,
    ])?;
    index_metadata(db, task, &old)?;
    complete(db, Searched::Tasks, task.id, || Task::search_words(&task.title, task.description.as_deref()))?;
    event::record(db, changed, stamp)
}

fn delete(db: &Connection, id: TaskId, stamp: Stamp) -> Result<Written<Task>> {
    user::check_permission(db, stamp)?;
    let changed = find_whole(db, id)?.delete(stamp)?;
    metadata::index(db, WithMetadata::Tasks, id.to_bytes(), &changed.value.metadata, &Metadata::default())?;
    db.prepare_cached("DELETE FROM tasks WHERE id = ?1")?.execute([id])?;
    event::record(db, changed, stamp)
}

/// The list of the tasks that pass `filter`.
pub(super) fn filtered(filter: &TaskFilter, sort: Sort<TaskSort>, slice: Option<&Slice>) -> ListBuilder {
    let key = match sort.field {
        TaskSort::CreatedAt => "t.created_at",
        TaskSort::DueAt => "t.due_key",
        TaskSort::Priority => "t.priority",
    };
    let cursors = slice.map_or_else(Cursors::default, |slice| Cursors::for_slice(slice, sort.direction));
    let order = ListOrder { key, key_type: KeyType::Int, id: "t.id", direction: sort.direction };
    let mut list = ListBuilder::new("tasks t", order, cursors);
    // A viewer's own tasks come before every other condition: how many tasks others have must cost the viewer nothing.
    if let Some(viewer) = filter.visible_to {
        let viewer = list.bind(viewer);
        list.index_by_any(vec![
            format!("t.created_by = {viewer}"),
            format!("t.assignee = {viewer} AND +t.created_by <> {viewer}"),
        ]);
    }
    if let Some(search) = &filter.search {
        if list.has_index() {
            has_words(&mut list, search);
        } else {
            let words = list.bind(fts_query(search));
            let hits = format!("SELECT rowid AS row FROM tasks_fts WHERE tasks_fts MATCH {words}");
            list.start_from_hits("hits CROSS JOIN tasks t ON t.row = hits.row", &hits);
        }
    }
    if let Some(metadata) = &filter.metadata {
        metadata::filter(&mut list, WithMetadata::Tasks, metadata);
    }
    if let Some(order) = filter.order {
        list.equals("t.order_id", order);
    }
    if let Some(assignee) = filter.assignee {
        list.equals("t.assignee", assignee);
    }
    if let Some(creator) = filter.created_by {
        list.equals("t.created_by", creator);
    }
    if let Some(statuses) = &filter.statuses {
        list.is_one_of("t.status", statuses);
    }
    if let Some(priorities) = &filter.priorities {
        list.is_one_of("t.priority", priorities);
    }
    if let Some(before) = filter.due_before {
        // A task without a due date has the largest key, so it is never due before any time.
        list.range("t.due_key", "<", before);
    }
    list
}

/// Compares the words of each row, which are few, with those of the search: the index of words would begin with everybody's
/// tasks.
fn has_words(list: &mut ListBuilder, search: &SearchTerms) {
    if search.terms().is_empty() {
        list.filter_by("FALSE".to_owned());
        return;
    }
    let words = search.terms().iter().map(|word| list.bind(format!(" {word} ")));
    let has: Vec<String> =
        words.map(|word| format!("instr(' ' || w.title || ' ' || w.other || ' ', {word}) > 0")).collect();
    list.filter_by(format!("EXISTS (SELECT 1 FROM task_words w WHERE w.row = t.row AND {})", has.join(" AND ")));
}

/// The columns of a task in a list.
pub(super) fn list_columns(fields: TaskFields) -> String {
    let description = if fields.description { "t.description" } else { "NULL" };
    format!("{}, {description} AS description", columns_of("t", COLUMNS))
}

fn list(db: &Connection, query: &TaskQuery) -> Result<Page<Task>> {
    let list = filtered(&query.filter, query.sort, Some(&query.slice));
    let mut read = named(task_from_row);
    page::read_page(db, &list, &list_columns(query.fields), &query.slice, |row| Ok(read(row)?))
}

fn count(db: &Connection, filter: &TaskFilter) -> Result<u64> {
    let field = if filter.due_before.is_some() { TaskSort::DueAt } else { TaskSort::CreatedAt };
    page::count(db, &filtered(filter, Sort { field, direction: Direction::Asc }, None))
}

#[async_trait]
impl TaskStore for SqliteStore {
    async fn tasks_by_ids(&self, ids: &[TaskId]) -> Result<Vec<Option<Task>>> {
        let ids = ids.to_vec();
        self.read(move |db| ids.into_iter().map(|id| find(db, id)).collect()).await
    }

    async fn list_tasks(&self, queries: &[TaskQuery]) -> Result<Vec<Page<Task>>> {
        let queries = queries.to_vec();
        self.read(move |db| queries.iter().map(|query| list(db, query)).collect()).await
    }

    async fn count_tasks(&self, filters: &[TaskFilter]) -> Result<Vec<u64>> {
        let filters = filters.to_vec();
        self.read(move |db| filters.iter().map(|filter| count(db, filter)).collect()).await
    }

    async fn insert_task(&self, task: Task, stamp: Stamp) -> Result<Task> {
        self.change(move |db| insert(db, task, stamp)).await
    }

    async fn update_task(
        &self,
        id: TaskId,
        changes: TaskChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Task> {
        self.change(move |db| update(db, id, changes, expected_version, stamp)).await
    }

    async fn delete_task(&self, id: TaskId, stamp: Stamp) -> Result<Task> {
        self.change(move |db| delete(db, id, stamp)).await
    }
}
