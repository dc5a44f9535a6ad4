//! Tasks, and lists of tasks.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use async_trait::async_trait;
use bson::{Bson, Document, RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf, doc, raw::CStr};

use super::{
    codec::{BsonValue, binary, raw_document, read_fields, stored_by_text, stored_ids},
    collections::TERMS,
    filter::{Filter, Index, one_of},
    metadata,
    read::in_request_order,
    scan::{Listing, SortBy},
    search::{append_words, contains_all, stored_words},
    store::MongoStore,
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::*,
    storage::{Result, TaskQuery, TaskStore},
};

stored_ids!(TaskId);
stored_by_text!(TaskStatus);

/// Priorities are stored by rank, so that they sort.
impl BsonValue for TaskPriority {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        Self::from_rank(value.as_i32()?.into())
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, self.rank() as i32);
    }
}

impl From<TaskPriority> for Bson {
    fn from(priority: TaskPriority) -> Self {
        (priority.rank() as i32).into()
    }
}

pub(super) fn encode(task: &Task) -> RawDocumentBuf {
    encode_with(task, words_of(task))
}

fn words_of(task: &Task) -> SearchWords {
    Task::search_words(&task.title, task.description.as_deref())
}

fn encode_with(task: &Task, words: SearchWords) -> RawDocumentBuf {
    let mut document = raw_document! {
        "_id": task.id, "title": task.title, "status": task.status, "priority": task.priority,
        "created_by": task.created_by, "assignee": task.assignee, "order": task.order, "due_at": task.due_at,
        "due_key": Task::due_key(task.due_at), "version": task.version, "created_at": task.created_at,
        "updated_at": task.updated_at, "description": task.description,
    };
    let viewers: RawArrayBuf =
        task.owners().users().into_iter().flatten().map(|user| binary(&user.to_bytes())).collect();
    document.append(bson::raw::cstr!("viewers"), viewers);
    metadata::append(&mut document, &task.metadata);
    append_words(&mut document, words);
    document
}

pub(super) fn decode(document: &RawDocument) -> Result<Task> {
    read_fields!(document,
        id: "_id", title: "title", status: "status", priority: "priority", created_by: "created_by",
        assignee: "assignee", order: "order", due_at: "due_at", version: "version", created_at: "created_at",
        updated_at: "updated_at", description: "description", public: "metadata", private: "private_metadata");
    Ok(Task {
        id: id.required()?,
        title: title.required()?,
        description: description.optional()?,
        status: status.required()?,
        priority: priority.required()?,
        created_by: created_by.required()?,
        assignee: assignee.optional()?,
        order: order.optional()?,
        due_at: due_at.optional()?,
        version: version.required()?,
        created_at: created_at.required()?,
        updated_at: updated_at.required()?,
        metadata: metadata::decode(public, private)?,
    })
}

/// Leaves out the fields that are not asked for.
pub(super) fn projection(fields: TaskFields) -> Document {
    let mut projection = doc! { "words": 0, "title_length": 0, "viewers": 0, "due_key": 0, TERMS: 0 };
    if !fields.description {
        projection.insert("description", 0);
    }
    projection
}

fn filter(filter: &TaskFilter, sort: TaskSort) -> Filter {
    let mut condition = doc! {};
    let priorities = filter.priorities.as_ref().map(|priorities| priorities.iter().map(|one| (*one).into()).collect());
    let statuses = filter.statuses.as_ref().map(|statuses| statuses.iter().map(|one| (*one).into()).collect());
    let mut index = match sort {
        _ if statuses.is_some() => Index::Sorted("status"),
        TaskSort::Priority => Index::Sorted(""),
        _ if priorities.is_some() => Index::Sorted("priority"),
        // There is no index over all tasks: they are merged from the lists of every status.
        _ => Index::Sorted("status"),
    };
    for (field, user) in [("assignee", filter.assignee), ("created_by", filter.created_by)] {
        if let Some(user) = user {
            condition.insert(field, user);
        }
    }
    // `viewers` holds the maker and the assignee of a task, so its index serves all three conditions.
    if let Some(user) = filter.visible_to.or(filter.assignee).or(filter.created_by) {
        condition.insert("viewers", user);
        index = Index::Sorted("viewers");
    }
    // A viewer's own tasks come before every other condition: how many tasks others have must cost the viewer nothing.
    let by_any_index = filter.visible_to.is_none();
    if let Some(order) = filter.order {
        condition.insert("order", order);
        if by_any_index {
            index = Index::Sorted("order");
        }
    }
    if let Some(before) = filter.due_before {
        condition.insert("due_key", doc! { "$lt": before.unix_millis() });
    }
    if let Some(metadata) = &filter.metadata {
        metadata::narrow(metadata, &mut condition, &mut index, by_any_index);
    }
    if let Some(terms) = &filter.search {
        condition.insert("words", contains_all(terms));
        if by_any_index {
            index = Index::Named("words");
        }
    }
    match index {
        Index::Sorted("priority") => Filter::new(condition, priorities.map(|values| ("priority", values)), index),
        _ => {
            if let Some(priorities) = priorities {
                condition.insert("priority", one_of(priorities));
            }
            let all = || TaskStatus::ALL.map(Bson::from).to_vec();
            let statuses = statuses.or_else(|| matches!(index, Index::Sorted("status")).then(all));
            let merge_on = matches!(index, Index::Sorted("order")).then_some("order");
            Filter { merge_on, ..Filter::new(condition, statuses.map(|values| ("status", values)), index) }
        }
    }
}

pub(super) fn listing(query: &TaskQuery) -> Listing<'_> {
    let sort = query.sort.field;
    let key = match sort {
        TaskSort::CreatedAt => SortBy::Date("created_at"),
        TaskSort::DueAt => SortBy::Field("due_key"),
        TaskSort::Priority => SortBy::Field("priority"),
    };
    Listing::new(query, filter(&query.filter, sort), key, projection(query.fields))
}

#[async_trait]
impl TaskStore for MongoStore {
    async fn tasks_by_ids(&self, ids: &[TaskId]) -> Result<Vec<Option<Task>>> {
        let (tasks, whole) = (&self.0.collections.tasks, projection(TaskFields::ALL));
        let read = || self.0.find_by(tasks, "_id", ids.iter().copied(), whole.clone(), decode);
        let found = self.0.replicas.read(read).await?;
        Ok(in_request_order(ids, found, |task| Some(task.id)))
    }

    async fn list_tasks(&self, queries: &[TaskQuery]) -> Result<Vec<Page<Task>>> {
        let listings: Vec<_> = queries.iter().map(listing).collect();
        let decode = |query: usize, row: &RawDocument| {
            let node = decode(row)?;
            Ok(Edge { position: queries[query].sort.field.position(&node), node })
        };
        self.0.replicas.read(|| self.0.list(&self.0.collections.tasks, &listings, decode)).await
    }

    async fn count_tasks(&self, filters: &[TaskFilter]) -> Result<Vec<u64>> {
        let indexed = |one: &TaskFilter| match one.due_before {
            Some(_) => (filter(one, TaskSort::DueAt), "due_key"),
            None => (filter(one, TaskSort::CreatedAt), "created_at"),
        };
        let read = || self.0.count(&self.0.collections.tasks, filters.iter().map(indexed).collect());
        self.0.replicas.read(read).await
    }

    async fn insert_task(&self, task: Task, stamp: Stamp) -> Result<Task> {
        self.0
            .transaction(move |transaction| {
                let task = task.clone();
                Box::pin(async move {
                    transaction.check_permission(stamp).await?;
                    transaction.check_assignee(task.assignee).await?;
                    let tasks = transaction.store.collections.tasks.clone();
                    transaction.insert(&tasks, vec![encode(&task)]).await?;
                    transaction.record(Changed::created(task), stamp).await
                })
            })
            .await
    }

    async fn update_task(
        &self,
        id: TaskId,
        changes: TaskChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Task> {
        self.0
            .transaction(move |transaction| {
                let changes = changes.clone();
                Box::pin(async move {
                    transaction.check_permission(stamp).await?;
                    let tasks = transaction.store.collections.tasks.clone();
                    let whole = |row: &RawDocument| Ok((decode(row)?, stored_words(row)?));
                    let (task, words) = transaction.find_one(&tasks, doc! { "_id": id }, whole).await?;
                    let assignee = changes.new_assignee(&task);
                    let Some(changed) = task.update(changes, expected_version, stamp)? else {
                        return Ok(task);
                    };
                    transaction.check_assignee(assignee).await?;
                    let new = &changed.value;
                    let same_text = new.title == task.title && new.description == task.description;
                    let words = if same_text { words } else { words_of(new) };
                    transaction.replace(&tasks, id, encode_with(new, words)).await?;
                    transaction.record(changed, stamp).await
                })
            })
            .await
    }

    async fn delete_task(&self, id: TaskId, stamp: Stamp) -> Result<Task> {
        self.0
            .transaction(move |transaction| {
                Box::pin(async move {
                    transaction.check_permission(stamp).await?;
                    let changed = transaction.task(id).await?.delete(stamp)?;
                    let tasks = transaction.store.collections.tasks.clone();
                    transaction.delete(&tasks, doc! { "_id": id }).await?;
                    transaction.record(changed, stamp).await
                })
            })
            .await
    }
}

impl Transaction {
    async fn task(&mut self, id: TaskId) -> TransactionResult<Task> {
        let tasks = self.store.collections.tasks.clone();
        self.find_one(&tasks, doc! { "_id": id }, decode).await
    }
}
