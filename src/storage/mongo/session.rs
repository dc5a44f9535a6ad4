//! Sign-in sessions.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use bson::{Document, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{binary, raw_document, read_fields, stored_ids},
    read::{TimedRead, collect_rows, in_request_order},
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
    user,
};
use crate::{
    domain::{
        ApiKey, PresentedToken, RefreshDecision, RefreshTokens, ReplacedToken, RightsChange, SessionId, Stamp,
        Timestamp, User, UserId,
    },
    storage::{Result, Rotation, Session, SessionStore, SessionUser},
};

stored_ids!(SessionId);

fn user_of(document: &RawDocument) -> Result<UserId> {
    read_fields!(document, user: "user");
    user.required()
}

/// The refresh tokens of a session, and its user's id.
fn tokens_of(document: &RawDocument) -> Result<(RefreshTokens, UserId)> {
    read_fields!(document, family: "family", current: "token", token: "replaced_token", salt: "replaced_salt",
        at: "replaced_at");
    let replaced = match (token.optional()?, salt.optional()?, at.optional()?) {
        (Some(token), Some(salt), Some(at)) => Some(ReplacedToken { token, salt, at }),
        _ => None,
    };
    Ok((RefreshTokens { family: family.optional()?, current: current.required()?, replaced }, user_of(document)?))
}

/// A session's id with the user that was joined to it.
fn with_user(document: &RawDocument) -> Result<(SessionId, Option<SessionUser>)> {
    read_fields!(document, id: "_id", user: "user", expires_at: "expires_at");
    let expires_at = expires_at.required()?;
    let user = user.documents(user::decode)?.pop();
    Ok((id.required()?, user.map(|user| SessionUser { user, expires_at })))
}

fn encode(session: &Session) -> RawDocumentBuf {
    raw_document! {
        "_id": session.id, "user": session.user, "family": session.family, "token": session.token,
        "created_at": session.created_at, "expires_at": session.expires_at,
    }
}

/// The fields that a refresh sets.
fn replacement(tokens: &RefreshTokens, expires_at: Timestamp) -> Document {
    let mut fields = doc! { "token": binary(&tokens.current), "expires_at": expires_at };
    if let Some(family) = &tokens.family {
        fields.insert("family", binary(family));
    }
    if let Some(ReplacedToken { token, salt, at }) = &tokens.replaced {
        fields.extend(doc! { "replaced_token": binary(token), "replaced_salt": binary(salt), "replaced_at": *at });
    }
    fields
}

impl Inner {
    /// The refresh tokens and the user of a session that has not expired.
    async fn refresh_tokens(&self, id: SessionId, now: Timestamp) -> Result<Option<(RefreshTokens, UserId)>> {
        let find = self.collections.sessions.find(doc! { "_id": id, "expires_at": { "$gt": now } }).limit(1);
        Ok(self.find_rows(find.batch_size(2), tokens_of).await?.pop())
    }

    /// The users with these ids, without deleted ones.
    async fn present_users(&self, ids: impl IntoIterator<Item = UserId>) -> Result<Vec<User>> {
        let mut users = self.find_by(&self.collections.users, "_id", ids, user::projection(), user::decode).await?;
        users.retain(|user| !user.is_deleted());
        Ok(users)
    }

    /// Ends the session; returns whether it was there.
    async fn end_session(self: &Arc<Self>, id: SessionId, at: Timestamp) -> Result<bool> {
        self.transaction(move |transaction| {
            Box::pin(async move {
                let sessions = transaction.store.collections.sessions.clone();
                let delete = sessions.find_one_and_delete(doc! { "_id": id }).session(&mut transaction.session);
                let Some(ended) = delete.await? else { return Ok(false) };
                transaction.record_rights(RightsChange::sessions(user_of(&ended)?, &[id]), at).await?;
                Ok(true)
            })
        })
        .await
    }
}

impl Transaction {
    /// The user of a session, or the creator of an API key, if it is there.
    pub(super) async fn session_owner(&mut self, id: SessionId) -> TransactionResult<Option<UserId>> {
        let sessions = self.store.collections.sessions.clone();
        match self.find(&sessions, doc! { "_id": id }, 1, user_of).await?.pop() {
            Some(user) => Ok(Some(user)),
            None => self.api_key_creator(id).await,
        }
    }

    /// The users of those of the sessions, and the creators of those of the API keys, that are there.
    ///
    /// Reads outside of the transaction, beside another read, so that placing an order takes no longer for it. A session that
    /// ends between this read and the snapshot of the transaction ends while the order is placed: it counts as later.
    pub(super) async fn session_owners(&self, ids: Vec<SessionId>) -> TransactionResult<HashMap<SessionId, UserId>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let find =
            self.store.collections.sessions.find(doc! { "_id": { "$in": ids.clone() } }).projection(doc! { "user": 1 });
        let mut session = self.store.causal_session().await?;
        let mut batches = find.batch_size(batch).session(&mut *session).timed_batch().await?;
        let owners = collect_rows(batches.stream(&mut session), |document| {
            read_fields!(document, id: "_id");
            Ok((id.required()?, user_of(document)?))
        });
        let mut owners: HashMap<SessionId, UserId> = owners.await?.into_iter().collect();
        drop(session);
        let others: Vec<SessionId> = ids.into_iter().filter(|id| !owners.contains_key(id)).collect();
        if !others.is_empty() {
            let keys = self.store.api_keys_by_ids(others).await?;
            owners.extend(keys.into_iter().map(|key| (key.id.as_session(), key.created_by)));
        }
        Ok(owners)
    }

    /// Deletes all sessions of a user, and returns them.
    pub(super) async fn end_sessions(&mut self, user: UserId) -> TransactionResult<Vec<SessionId>> {
        let sessions = self.store.collections.sessions.clone();
        let find = sessions.find(doc! { "user": user }).projection(doc! { "_id": 1 }).batch_size(10_000);
        let mut batches = find.session(&mut self.session).timed_batch().await?;
        let ended = collect_rows(batches.stream(&mut self.session), |document| {
            read_fields!(document, id: "_id");
            id.required()
        });
        let ended = ended.await?;
        self.delete(&sessions, doc! { "user": user }).await?;
        Ok(ended)
    }
}

impl MongoStore {
    /// Fills in the creators of API keys where no session was found.
    async fn add_api_key_users(
        &self,
        ids: &[SessionId],
        users: &mut [Option<SessionUser>],
        now: Timestamp,
    ) -> Result<()> {
        let missing: Vec<SessionId> =
            ids.iter().zip(&*users).filter(|(_, user)| user.is_none()).map(|(id, _)| *id).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let keys = self.0.api_keys_by_ids(missing).await?.into_iter().filter(|key| key.is_current(now));
        let keys: HashMap<SessionId, ApiKey> = keys.map(|key| (key.id.as_session(), key)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let creators = keys.values().map(|key| key.created_by).collect::<HashSet<_>>();
        let present = self.0.present_users(creators).await?;
        for (id, user) in ids.iter().zip(users) {
            let Some(key) = keys.get(id) else { continue };
            let creator = present.iter().find(|user| user.id == key.created_by);
            *user = creator.map(|user| SessionUser { user: user.clone(), expires_at: key.ends_at() });
        }
        Ok(())
    }
}

#[async_trait]
impl SessionStore for MongoStore {
    async fn insert_session(&self, session: &Session, verified: Option<&str>) -> Result<()> {
        let (session, verified) = (session.clone(), verified.map(str::to_owned));
        self.0
            .transaction(move |transaction| {
                let (session, verified) = (session.clone(), verified.clone());
                Box::pin(async move {
                    transaction.check_sign_in(session.user, verified.as_deref()).await?;
                    let sessions = transaction.store.collections.sessions.clone();
                    transaction.insert(&sessions, vec![encode(&session)]).await
                })
            })
            .await
    }

    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<SessionUser>>> {
        let joined = doc! {
            "from": self.0.collections.users.name(), "localField": "user", "foreignField": "_id", "as": "user",
            "pipeline": [{ "$match": { "deleted_at": { "$exists": false } } }, { "$project": user::projection() }],
        };
        let pipeline = [
            doc! { "$match": { "_id": { "$in": ids }, "expires_at": { "$gt": now } } },
            doc! { "$lookup": joined },
            doc! { "$project": { "user": 1, "expires_at": 1 } },
        ];
        // One more than can be found, so that one reply holds all rows and closes the cursor.
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let found = self.0.collections.sessions.aggregate(pipeline).batch_size(batch);
        let found = self.0.aggregate_rows(found, with_user).await?;
        let found = in_request_order(ids, found, |(id, _)| Some(*id));
        let mut users: Vec<_> = found.into_iter().map(|session| session.and_then(|(_, user)| user)).collect();
        self.add_api_key_users(ids, &mut users, now).await?;
        Ok(users)
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        presented: PresentedToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation> {
        // Each turn after the first follows a change of the session by another caller, after which the token is not
        // the current one any more.
        loop {
            let Some((tokens, user)) = self.0.refresh_tokens(id, now).await? else { return Ok(Rotation::Unknown) };
            let Some(user) = self.0.present_users([user]).await?.pop() else { return Ok(Rotation::Unknown) };
            let unchanged = doc! { "_id": id, "token": binary(&tokens.current) };
            let sessions = &self.0.collections.sessions;
            match tokens.present(&presented, now) {
                RefreshDecision::Replace(tokens) => {
                    let change = doc! { "$set": replacement(&tokens, expires_at) };
                    let update = self.0.with_timeout(sessions.update_one(unchanged, change)).await?;
                    if update.matched_count == 1 {
                        return Ok(Rotation::Rotated(user, presented.salt));
                    }
                }
                RefreshDecision::Repeat(salt) => return Ok(Rotation::Rotated(user, salt)),
                RefreshDecision::EndSession => {
                    let ended = self.0.end_session(id, now).await?;
                    return Ok(if ended { Rotation::Reused } else { Rotation::Unknown });
                }
                RefreshDecision::Refuse => return Ok(Rotation::Unknown),
            }
        }
    }

    async fn end_session(&self, id: SessionId, at: Timestamp) -> Result<()> {
        self.0.end_session(id, at).await?;
        Ok(())
    }

    async fn end_sessions_of(&self, user: UserId, stamp: Stamp) -> Result<()> {
        self.0
            .transaction(move |transaction| {
                Box::pin(async move {
                    transaction.check_session(stamp).await?;
                    let ended = transaction.end_sessions(user).await?;
                    transaction.record_rights(RightsChange::sessions(user, &ended), stamp.at).await
                })
            })
            .await
    }
}
