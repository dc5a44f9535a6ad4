//! Sign-in sessions.

use async_trait::async_trait;
use bson::{RawDocument, doc};

use super::{
    codec::{binary, raw_document, read_fields, stored_ids},
    read::{collect_rows, in_request_order, time_left},
    store::{Inner, MongoStore},
    user,
};
use crate::{
    domain::{SessionId, Timestamp, User, UserId},
    storage::{Result, Rotation, Session, SessionStore, TokenHash},
};

stored_ids!(SessionId);

fn user_of(document: &RawDocument) -> Result<UserId> {
    read_fields!(document, user: "user");
    user.required()
}

/// A session's id with the user that was joined to it.
fn with_user(document: &RawDocument) -> Result<(SessionId, Option<User>)> {
    read_fields!(document, id: "_id", user: "user");
    Ok((id.required()?, user.documents(user::decode)?.pop()))
}

impl Inner {
    /// The user with this id, unless deleted.
    async fn present_user(&self, id: UserId) -> Result<Option<User>> {
        let filter = doc! { "_id": id, "deleted_at": { "$exists": false } };
        let find = self.collections.users.find(filter).projection(user::projection()).limit(1).batch_size(2);
        Ok(collect_rows(self.with_timeout(find.batch()).await?, user::decode).await?.pop())
    }
}

#[async_trait]
impl SessionStore for MongoStore {
    async fn insert_session(&self, session: &Session) -> Result<()> {
        let document = raw_document! {
            "_id": session.id, "user": session.user, "token": session.token, "created_at": session.created_at,
            "expires_at": session.expires_at,
        };
        self.0.with_timeout(self.0.collections.sessions.insert_one(document)).await?;
        Ok(())
    }

    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<User>>> {
        let joined = doc! {
            "from": self.0.collections.users.name(), "localField": "user", "foreignField": "_id", "as": "user",
            "pipeline": [{ "$match": { "deleted_at": { "$exists": false } } }, { "$project": user::projection() }],
        };
        let pipeline = [
            doc! { "$match": { "_id": { "$in": ids }, "expires_at": { "$gt": now } } },
            doc! { "$lookup": joined },
            doc! { "$project": { "user": 1 } },
        ];
        // One more than can be found, so that one reply holds all rows and closes the cursor.
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let found = self.0.collections.sessions.aggregate(pipeline).batch_size(batch).max_time(time_left());
        let found = self.0.with_timeout(found.batch()).await?;
        let found = in_request_order(ids, collect_rows(found, with_user).await?, |(id, _)| Some(*id));
        Ok(found.into_iter().map(|session| session.and_then(|(_, user)| user)).collect())
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        presented: TokenHash,
        next: TokenHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation> {
        let current = doc! { "_id": id, "expires_at": { "$gt": now }, "token": binary(&presented) };
        let change = doc! { "$set": { "token": binary(&next), "expires_at": expires_at } };
        let rotated = self.0.with_timeout(self.0.collections.sessions.find_one_and_update(current, change)).await?;
        if let Some(session) = rotated {
            let user = self.0.present_user(user_of(&session)?).await?;
            return Ok(user.map_or(Rotation::Unknown, Rotation::Rotated));
        }
        // The session has another token: the presented one was used before, by its owner or by a thief.
        let ended = self.0.collections.sessions.find_one_and_delete(doc! { "_id": id, "expires_at": { "$gt": now } });
        let Some(session) = self.0.with_timeout(ended).await? else { return Ok(Rotation::Unknown) };
        let user = self.0.present_user(user_of(&session)?).await?;
        Ok(if user.is_some() { Rotation::Reused } else { Rotation::Unknown })
    }

    async fn end_session(&self, id: SessionId) -> Result<()> {
        self.0.with_timeout(self.0.collections.sessions.delete_one(doc! { "_id": id })).await?;
        Ok(())
    }

    async fn end_sessions_of(&self, user: UserId) -> Result<()> {
        self.0.with_timeout(self.0.collections.sessions.delete_many(doc! { "user": user })).await?;
        Ok(())
    }
}
