//! Users and their password hashes.

use async_trait::async_trait;
use bson::{Document, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{append_fields, raw_document, read_fields, stored_by_text, stored_ids},
    collections::TERMS,
    filter::{Filter, Index},
    metadata,
    read::in_request_order,
    scan::{Listing, SortBy},
    search::{append_words, contains_all},
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{
        Edge, EventKind, Page, Refusal, RightsChange, Stamp, Task, User, UserChanges, UserFilter, UserId, UserRole,
        UserSort,
    },
    storage::{Credentials, Result, UserQuery, UserStore},
};

stored_ids!(UserId);
stored_by_text!(UserRole);

pub(super) fn encode(user: &User, password_hash: Option<&str>) -> RawDocumentBuf {
    let mut document = raw_document! {
        "_id": user.id, "email": user.email, "name": user.name, "name_key": User::name_key(&user.name),
        "role": user.role, "region": user.region, "deleted_at": user.deleted_at, "version": user.version,
        "created_at": user.created_at, "updated_at": user.updated_at,
    };
    metadata::append(&mut document, &user.metadata);
    append_fields!(document, "password_hash": password_hash.map(str::to_owned));
    // Deleted users are found by id only, so they have no words to search.
    if user.deleted_at.is_none() {
        append_words(&mut document, User::search_words(&user.name, user.email.as_deref()));
    }
    document
}

pub(super) fn decode(document: &RawDocument) -> Result<User> {
    read_fields!(document,
        id: "_id", email: "email", name: "name", role: "role", region: "region", deleted_at: "deleted_at",
        version: "version", created_at: "created_at", updated_at: "updated_at", public: "metadata",
        private: "private_metadata");
    Ok(User {
        id: id.required()?,
        email: email.optional()?,
        name: name.required()?,
        role: role.required()?,
        region: region.optional()?,
        deleted_at: deleted_at.optional()?,
        version: version.required()?,
        created_at: created_at.required()?,
        updated_at: updated_at.required()?,
        metadata: metadata::decode(public, private)?,
    })
}

fn decode_credentials(document: &RawDocument) -> Result<Credentials> {
    read_fields!(document, password_hash: "password_hash");
    Ok(Credentials { password_hash: password_hash.optional()?, user: decode(document)? })
}

/// Leaves out the fields that a [`User`] does not have.
pub(super) fn projection() -> Document {
    doc! { "words": 0, "title_length": 0, "name_key": 0, "password_hash": 0, TERMS: 0 }
}

fn filter(filter: &UserFilter) -> Filter {
    let mut condition = doc! { "deleted_at": { "$exists": false } };
    let mut index = Index::Sorted("");
    if let Some(role) = filter.role {
        condition.insert("role", role);
        index = Index::Sorted("role");
    }
    if let Some(terms) = &filter.search {
        condition.insert("words", contains_all(terms));
        // In list order for each word: however many users have it, a page reads no more of them than it needs.
        index = Index::Sorted("words");
    }
    Filter::new(condition, None, index)
}

pub(super) fn listing(query: &UserQuery) -> Listing<'_> {
    let key = match query.sort.field {
        UserSort::CreatedAt => SortBy::Date("created_at"),
        UserSort::Name => SortBy::Field("name_key"),
    };
    Listing::new(query, filter(&query.filter), key, projection())
}

#[async_trait]
impl UserStore for MongoStore {
    async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<User>>> {
        let users = &self.0.collections.users;
        let read = || self.0.find_by(users, "_id", ids.iter().copied(), projection(), decode);
        let found = self.0.replicas.read(read).await?;
        Ok(in_request_order(ids, found, |user| Some(user.id)))
    }

    async fn users_by_emails(&self, emails: &[String]) -> Result<Vec<Option<User>>> {
        let read = || async {
            let owners = self.0.owners_of::<UserId>(&self.0.collections.emails, emails.iter().cloned()).await?;
            let ids = owners.into_values();
            self.0.find_by(&self.0.collections.users, "_id", ids, projection(), decode).await
        };
        let found = self.0.replicas.read(read).await?;
        Ok(in_request_order(emails, found, |user| user.email.clone()))
    }

    async fn list_users(&self, queries: &[UserQuery]) -> Result<Vec<Page<User>>> {
        let listings: Vec<_> = queries.iter().map(listing).collect();
        let decode = |query: usize, row: &RawDocument| {
            let node = decode(row)?;
            Ok(Edge { position: queries[query].sort.field.position(&node), node })
        };
        self.0.replicas.read(|| self.0.list(&self.0.collections.users, &listings, decode)).await
    }

    async fn count_users(&self, filters: &[UserFilter]) -> Result<Vec<u64>> {
        let indexed = |one: &UserFilter| (filter(one), "created_at");
        let read = || self.0.count(&self.0.collections.users, filters.iter().map(indexed).collect());
        self.0.replicas.read(read).await
    }

    async fn insert_user(&self, user: &User, password_hash: Option<&str>) -> Result<()> {
        let (user, document) = (user.clone(), encode(user, password_hash));
        self.0
            .transaction(move |transaction| {
                let (user, document) = (user.clone(), document.clone());
                Box::pin(async move {
                    let emails = transaction.store.collections.emails.clone();
                    transaction.change_value(&emails, user.id.to_bytes(), None, user.email.as_deref()).await?;
                    let users = transaction.store.collections.users.clone();
                    transaction.insert(&users, vec![document]).await?;
                    transaction.append_events(&[user.registration()]).await
                })
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
        self.0
            .transaction(move |transaction| {
                let changes = changes.clone();
                Box::pin(async move {
                    transaction.check_actor(id, stamp).await?;
                    let Credentials { user, password_hash } = transaction.user(id).await?;
                    let Some(changed) = user.update(changes, expected_version, stamp.at)? else { return Ok(user) };
                    transaction.change_email(&user, &changed).await?;
                    transaction.replace_user(&changed, password_hash.as_deref()).await?;
                    let ended = RightsChange::between(&user, &changed);
                    transaction.record_user(EventKind::Updated, changed, ended, stamp).await
                })
            })
            .await
    }

    async fn delete_user(&self, id: UserId, stamp: Stamp) -> Result<User> {
        self.0
            .transaction(move |transaction| {
                Box::pin(async move {
                    transaction.check_actor(id, stamp).await?;
                    let user = transaction.user(id).await?.user;
                    let deleted = user.clone().anonymise(stamp.at)?;
                    transaction.change_email(&user, &deleted).await?;
                    transaction.replace_user(&deleted, None).await?;
                    transaction.end_sessions(id).await?;
                    let ended = RightsChange::between(&user, &deleted);
                    transaction.record_user(EventKind::Deleted, deleted, ended, stamp).await
                })
            })
            .await
    }

    async fn credentials_by_email(&self, email: &str) -> Result<Option<Credentials>> {
        let owners = self.0.owners_of::<UserId>(&self.0.collections.emails, [email.to_owned()]).await?;
        // An address that nobody has takes the same two reads, so that time does not tell which addresses have an account.
        let owner = owners.into_values().next().unwrap_or_else(|| UserId::from_bytes([0; 16]));
        // The address may have been given to another user in between.
        self.0.credentials(doc! { "_id": owner, "email": email }).await
    }

    async fn credentials_by_id(&self, id: UserId) -> Result<Option<Credentials>> {
        self.0.credentials(doc! { "_id": id, "deleted_at": { "$exists": false } }).await
    }

    async fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        verified: Option<&str>,
        stamp: Stamp,
    ) -> Result<User> {
        let (password_hash, verified) = (password_hash.to_owned(), verified.map(str::to_owned));
        self.0
            .transaction(move |transaction| {
                let (password_hash, verified) = (password_hash.clone(), verified.clone());
                Box::pin(async move {
                    transaction.check_actor(id, stamp).await?;
                    let credentials = transaction.user(id).await?;
                    if verified.is_some() {
                        credentials.check_unchanged(verified.as_deref())?;
                    }
                    let user = credentials.user.change_password(stamp.at)?;
                    transaction.replace_user(&user, Some(&password_hash)).await?;
                    let ended = transaction.end_sessions(id).await?;
                    let ended = RightsChange::sessions(id, &ended);
                    transaction.record_user(EventKind::Updated, user, ended, stamp).await
                })
            })
            .await
    }
}

impl Inner {
    async fn credentials(&self, filter: Document) -> Result<Option<Credentials>> {
        let find = self.collections.users.find(filter).limit(1).batch_size(2);
        Ok(self.find_rows(find, decode_credentials).await?.pop())
    }
}

impl Transaction {
    /// The user to change; the change itself refuses a deleted one.
    async fn user(&mut self, id: UserId) -> TransactionResult<Credentials> {
        let users = self.store.collections.users.clone();
        self.find_one(&users, doc! { "_id": id }, decode_credentials).await
    }

    async fn change_email(&mut self, old: &User, new: &User) -> TransactionResult<()> {
        let emails = self.store.collections.emails.clone();
        self.change_value(&emails, new.id.to_bytes(), old.email.as_deref(), new.email.as_deref()).await
    }

    /// Refuses a sign-in with credentials that are not the ones that were verified.
    pub(super) async fn check_sign_in(&mut self, id: UserId, verified: Option<&str>) -> TransactionResult<()> {
        self.user_for_check(id).await?.ok_or(Refusal::CredentialsChanged)?.check_unchanged(verified)?;
        self.touch(id).await
    }

    /// Checks that the session of a change has not ended. It is only read: a change at the same moment as the end of its
    /// session counts as made before it.
    pub(super) async fn check_session(&mut self, stamp: Stamp) -> TransactionResult<()> {
        let Some(session) = stamp.session() else { return Ok(()) };
        Ok(stamp.check_session(self.session_owner(session).await?)?)
    }

    /// Checks that the session of a change has not ended, and that an actor who is staff still is. The actor is only read,
    /// like the session.
    pub(super) async fn check_permission(&mut self, stamp: Stamp) -> TransactionResult<()> {
        self.check_session(stamp).await?;
        let Some(actor) = stamp.staff() else { return Ok(()) };
        let actor = self.user_for_check(actor).await?.map(|credentials| credentials.user);
        Ok(Stamp::check_staff(actor.as_ref())?)
    }

    /// Checks that the user whom a task is given to is there.
    pub(super) async fn check_assignee(&mut self, assignee: Option<UserId>) -> TransactionResult<()> {
        let Some(assignee) = assignee else { return Ok(()) };
        let assignee = self.user_for_check(assignee).await?.map(|credentials| credentials.user);
        Ok(Task::check_assignee(assignee.as_ref())?)
    }

    /// Checks what allows a change of a user; an actor who changes another user must be an admin.
    async fn check_actor(&mut self, id: UserId, stamp: Stamp) -> TransactionResult<()> {
        if stamp.actor == Some(id) { self.check_session(stamp).await } else { self.check_admin(stamp).await }
    }

    /// Checks that the actor of a change is an admin, whose session has not ended.
    pub(super) async fn check_admin(&mut self, stamp: Stamp) -> TransactionResult<()> {
        self.check_session(stamp).await?;
        let Some(actor) = stamp.actor else { return Ok(()) };
        self.user_for_check(actor).await?.ok_or(Refusal::RightLost)?.user.check_is_admin()?;
        self.touch(actor).await
    }

    async fn user_for_check(&mut self, id: UserId) -> TransactionResult<Option<Credentials>> {
        let users = self.store.collections.users.clone();
        Ok(self.find(&users, doc! { "_id": id }, 1, decode_credentials).await?.pop())
    }

    /// Writes the document of a user whom this transaction has only read, so that it conflicts with one that changes the
    /// user: of the two, the second sees the first.
    async fn touch(&mut self, id: UserId) -> TransactionResult<()> {
        let users = self.store.collections.users.clone();
        self.update_each(&users, [(doc! { "_id": id }, doc! { "$inc": { "touched": 1_i64 } })]).await
    }

    async fn replace_user(&mut self, user: &User, password_hash: Option<&str>) -> TransactionResult<()> {
        let users = self.store.collections.users.clone();
        self.replace(&users, user.id, encode(user, password_hash)).await
    }
}
