//! Use cases of users, other than signing in.

use super::{Result, Service, UserError, UserErrorCode, access, error::not_found_at, input::Checks};
use crate::{
    domain::{Page, Refusal, Scope, User, UserChanges, UserFilter, UserId, UserRole, Viewer, text},
    storage::{StoreError, UserQuery},
};

/// A change of the viewer's own profile; `None` leaves a field as it is, `Some(None)` removes its value, which only
/// some fields allow.
#[derive(Debug, Clone)]
pub struct UpdateProfile {
    /// A new name.
    pub name: Option<Option<String>>,
    /// A new e-mail address. Changing it needs the current password.
    pub email: Option<Option<String>>,
    /// The password until now.
    pub current_password: Option<String>,
    /// A new region, or `Some(None)` to remove it.
    pub region: Option<Option<String>>,
}

impl Service {
    /// The users with these ids that the viewer may see.
    pub async fn users(&self, viewer: &Viewer, ids: &[UserId]) -> Result<Vec<Option<User>>> {
        access::require_authenticated(viewer)?;
        let users = self.store.users_by_ids(ids).await?;
        Ok(users.into_iter().map(|user| user.filter(|user| viewer.sees_user(user.id))).collect())
    }

    /// The users with these ids, for the people on an order or task that the viewer sees. The viewer may know their
    /// names; check [`Viewer::sees_user`] before showing more.
    pub async fn participants(&self, viewer: &Viewer, ids: &[UserId]) -> Result<Vec<Option<User>>> {
        access::require_authenticated(viewer)?;
        Ok(self.store.users_by_ids(ids).await?)
    }

    /// Staff: the user with this e-mail address, however it is spelt.
    pub async fn user_by_email(&self, viewer: &Viewer, email: &str) -> Result<Option<User>> {
        access::require(viewer, Scope::ReadUsers)?;
        Ok(self.store.users_by_emails(&text::email_spellings(email)).await?.into_iter().flatten().next())
    }

    /// Staff: a page of users for each query.
    pub async fn list_users(&self, viewer: &Viewer, queries: &[UserQuery]) -> Result<Vec<Page<User>>> {
        access::require(viewer, Scope::ReadUsers)?;
        Ok(self.store.list_users(queries).await?)
    }

    /// Staff: how many users each filter lets through.
    pub async fn count_users(&self, viewer: &Viewer, filters: &[UserFilter]) -> Result<Vec<u64>> {
        access::require(viewer, Scope::ReadUsers)?;
        Ok(self.store.count_users(filters).await?)
    }

    /// Changes the viewer's own profile.
    pub async fn update_profile(&self, viewer: &Viewer, input: UpdateProfile) -> Result<User> {
        let user = access::require_user(viewer)?;
        let mut checks = Checks::default();
        let changes = UserChanges {
            name: checks.not_null("name", input.name).map(|name| checks.line("name", &name)),
            email: checks.not_null("email", input.email).map(|email| checks.email("email", &email)),
            region: input.region.map(|region| checks.optional_line("region", region.as_deref())),
            role: None,
        };
        checks.finish()?;
        match &changes.email {
            Some(email) => self.change_email(viewer, user, email.clone(), changes, input.current_password).await,
            None => Ok(self.store.update_user(user, changes, None, self.stamp(viewer)?).await?),
        }
    }

    /// Changes the profile with the address to sign in with. The answer tells whether another account has the address,
    /// so how often it is asked is limited.
    async fn change_email(
        &self,
        viewer: &Viewer,
        user: UserId,
        email: String,
        changes: UserChanges,
        password: Option<String>,
    ) -> Result<User> {
        let mut credentials = self.store.credentials_by_id(user).await?.ok_or(Refusal::NotFound)?;
        if credentials.user.email.as_ref() == Some(&email) {
            return Ok(self.store.update_user(user, changes, None, self.stamp(viewer)?).await?);
        }
        let missing = || {
            let message = "is needed to change the e-mail address";
            UserError::at(UserErrorCode::InvalidInput, ["currentPassword"], message)
        };
        self.verify_current_password(&credentials, password.ok_or_else(missing)?).await?;
        let attempt = self.charge_address_change(user).await?;
        loop {
            let version = Some(credentials.user.version);
            match self.store.update_user(user, changes.clone(), version, self.stamp(viewer)?).await {
                // Changed since the password was checked: it must still be the same password.
                Err(StoreError::Refused(Refusal::VersionMismatch { .. })) => {
                    let verified = credentials.password_hash;
                    credentials = self.store.credentials_by_id(user).await?.ok_or(Refusal::NotFound)?;
                    credentials.check_unchanged(verified.as_deref())?;
                }
                Ok(user) => {
                    self.refund_sign_in(attempt).await;
                    return Ok(user);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Admin: gives a user another role. Admins can't change their own role, and must still be admins when the role is
    /// written, so that there is always an admin.
    pub async fn update_user_role(&self, viewer: &Viewer, user: UserId, role: UserRole) -> Result<User> {
        access::require_admin(viewer)?;
        refuse_self(viewer, user)?;
        let changes = UserChanges { role: Some(role), ..UserChanges::default() };
        let user =
            self.store.update_user(user, changes, None, self.stamp(viewer)?).await.map_err(not_found_at("userId"))?;
        self.sessions.invalidate_all();
        Ok(user)
    }

    /// Admin: deletes and anonymises a user and ends their sessions.
    pub async fn delete_user(&self, viewer: &Viewer, user: UserId) -> Result<User> {
        access::require_admin(viewer)?;
        refuse_self(viewer, user)?;
        let user = self.store.delete_user(user, self.stamp(viewer)?).await.map_err(not_found_at("userId"))?;
        self.sessions.invalidate_all();
        Ok(user)
    }
}

fn refuse_self(viewer: &Viewer, user: UserId) -> Result<()> {
    if viewer.is(user) {
        let message = "you can't do this to yourself; ask another admin";
        return Err(UserError::at(UserErrorCode::InvalidInput, ["userId"], message).into());
    }
    Ok(())
}
