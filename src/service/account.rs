//! Use cases of accounts: registering, signing in and out, changing passwords.

use super::{Result, Service, ServiceError, UserError, UserErrorCode, access, input::Checks};
use crate::{
    auth::{AccessToken, RefreshToken},
    domain::{ClientAddress, Refusal, SessionId, User, UserId, UserRole, Viewer, text},
    storage::{Credentials, Rotation, Session},
    telemetry::metrics::{Outcome, metrics},
};

/// The data of a new account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// E-mail address, the name to sign in with.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Region.
    pub region: Option<String>,
    /// Password; an account without one cannot sign in.
    pub password: Option<String>,
}

/// A session with the tokens for its owner. Both tokens are secrets.
pub struct SignIn {
    /// Short-lived token that goes with every request.
    pub access: AccessToken,
    /// Token that can be used for one refresh.
    pub refresh: String,
    /// Who signed in.
    pub user: User,
    /// The session.
    pub session: SessionId,
}

impl SignIn {
    /// The viewer for requests in this session.
    pub fn viewer(&self) -> Viewer {
        Viewer::User { id: self.user.id, role: self.user.role, session: self.session }
    }
}

impl Service {
    /// Requires a viewer who may register and sign in: API keys have no account.
    pub fn check_may_sign_in(&self, viewer: &Viewer) -> Result<()> {
        access::require_no_key(viewer)
    }

    /// Makes an account for a customer and signs in. `client` is limited in how often it can, unless it is `None`: the answer
    /// tells whether an address has an account.
    pub async fn register(&self, registration: Registration, client: Option<ClientAddress>) -> Result<SignIn> {
        self.charge_sign_in(None, client).await?;
        let created = self.create_account(registration, UserRole::Customer).await?;
        self.sign_in(created).await
    }

    /// Orderwire itself: makes an account with any role, for the command line and the demo.
    pub async fn create_user(&self, viewer: &Viewer, registration: Registration, role: UserRole) -> Result<User> {
        access::require_system(viewer)?;
        Ok(self.create_account(registration, role).await?.user)
    }

    async fn create_account(&self, registration: Registration, role: UserRole) -> Result<Credentials> {
        let mut checks = Checks::default();
        let email = checks.email("email", &registration.email);
        let name = checks.line("name", &registration.name);
        let region = checks.optional_line("region", registration.region.as_deref());
        if let Some(password) = &registration.password {
            checks.password("password", password);
        }
        checks.finish()?;
        let hash = match registration.password {
            Some(password) => Some(self.passwords.hash(password).await.map_err(not_hashed)?),
            None => None,
        };
        let now = self.now();
        let user = User {
            id: UserId::generate(now),
            email: Some(email),
            name,
            role,
            region,
            deleted_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.store.insert_user(&user, hash.as_deref()).await?;
        Ok(Credentials { user, password_hash: hash })
    }

    /// Signs in with e-mail address and password. How often that can fail is limited for each account, and for each
    /// `client` unless it is `None`.
    pub async fn login(&self, email: &str, password: String, client: Option<ClientAddress>) -> Result<SignIn> {
        let spellings = text::email_spellings(email);
        let attempt = self.charge_sign_in(spellings.first().map(String::as_str), client).await?;
        let mut credentials = None;
        // Each spelling is looked up whether or not one before it has an account, so that time does not tell which has.
        for email in &spellings {
            let found = self.store.credentials_by_email(email).await?;
            credentials = credentials.or(found);
        }
        let hash = credentials.as_ref().and_then(|credentials| credentials.password_hash.as_deref());
        let right = self.passwords.verify(password, hash).await.map_err(not_hashed)?;
        match credentials {
            Some(credentials) if right => {
                self.refund_sign_in(attempt).await;
                self.sign_in(credentials).await
            }
            _ => Err(bad_credentials("the e-mail address or the password is not right")),
        }
    }

    /// Gives new tokens for a refresh token that is current, or was until a moment ago. One that was used before ends
    /// its session.
    pub async fn refresh_session(&self, refresh_token: &str) -> Result<SignIn> {
        let expired = || bad_credentials("the refresh token is not valid any more; sign in again");
        let presented: RefreshToken = refresh_token.parse().map_err(|_| expired())?;
        let now = self.now();
        let expires_at = now.plus(self.options.session_lifetime);
        let rotation = self.store.rotate_session(presented.session(), presented.present(), expires_at, now).await?;
        match rotation {
            Rotation::Rotated(user, salt) => self.issue_tokens(user, presented.successor(&salt)),
            Rotation::Reused => {
                tracing::warn!(session = %presented.session(), "a used refresh token was presented; the session is ended");
                self.sessions.invalidate(&presented.session()).await;
                Err(expired())
            }
            Rotation::Unknown => Err(expired()),
        }
    }

    /// Orderwire itself: opens a session for a user who does not sign in, such as the customers of the demo.
    pub async fn open_session(&self, viewer: &Viewer, user: UserId) -> Result<SignIn> {
        access::require_system(viewer)?;
        let credentials = self.store.credentials_by_id(user).await?.ok_or(Refusal::NotFound)?;
        self.sign_in(credentials).await
    }

    /// Ends the session the request came in.
    pub async fn logout(&self, viewer: &Viewer) -> Result<()> {
        let (_, session) = access::require_session(viewer)?;
        self.store.end_session(session, self.now()).await?;
        self.sessions.invalidate(&session).await;
        Ok(())
    }

    /// Ends all sessions of the viewer.
    pub async fn logout_everywhere(&self, viewer: &Viewer) -> Result<()> {
        let user = access::require_user(viewer)?;
        self.store.end_sessions_of(user, self.stamp(viewer)?).await?;
        self.sessions.invalidate_all();
        Ok(())
    }

    /// Changes the viewer's password and ends all their sessions, this one too.
    pub async fn change_password(&self, viewer: &Viewer, current: String, new: String) -> Result<User> {
        let user = access::require_user(viewer)?;
        let mut checks = Checks::default();
        checks.password("newPassword", &new);
        checks.finish()?;
        let credentials = self.store.credentials_by_id(user).await?.ok_or(Refusal::NotFound)?;
        self.verify_current_password(&credentials, current).await?;
        self.replace_password(viewer, user, new, credentials.password_hash.as_deref()).await
    }

    /// Checks the password of a signed-in user who asks for something that a stolen session must not be able to do.
    pub(super) async fn verify_current_password(&self, credentials: &Credentials, current: String) -> Result<()> {
        let attempt = self.charge_sign_in(credentials.user.email.as_deref(), None).await?;
        if !self.passwords.verify(current, credentials.password_hash.as_deref()).await.map_err(not_hashed)? {
            let message = "the current password is not right";
            return Err(UserError::at(UserErrorCode::BadCredentials, ["currentPassword"], message).into());
        }
        self.refund_sign_in(attempt).await;
        Ok(())
    }

    /// Admin: gives a user another password and ends all their sessions.
    pub async fn set_password(&self, viewer: &Viewer, user: UserId, password: String) -> Result<User> {
        access::require_admin(viewer)?;
        let mut checks = Checks::default();
        checks.password("password", &password);
        checks.finish()?;
        self.replace_password(viewer, user, password, None).await
    }

    /// Sets the password, if the hash that was `verified` is still the user's.
    async fn replace_password(
        &self,
        viewer: &Viewer,
        user: UserId,
        password: String,
        verified: Option<&str>,
    ) -> Result<User> {
        let hash = self.passwords.hash(password).await.map_err(not_hashed)?;
        let user = self.store.set_password(user, &hash, verified, self.stamp(viewer)?).await?;
        self.sessions.invalidate_all();
        Ok(user)
    }

    /// Opens a session for a user whose credentials were verified, unless they have changed since.
    async fn sign_in(&self, Credentials { user, password_hash }: Credentials) -> Result<SignIn> {
        let now = self.now();
        let refresh = RefreshToken::generate(SessionId::generate(now));
        let session = Session {
            id: refresh.session(),
            user: user.id,
            family: refresh.family_hash(),
            token: refresh.hash(),
            created_at: now,
            expires_at: now.plus(self.options.session_lifetime),
        };
        self.store.insert_session(&session, password_hash.as_deref()).await?;
        self.issue_tokens(user, refresh)
    }

    fn issue_tokens(&self, user: User, refresh: RefreshToken) -> Result<SignIn> {
        let access = self.tokens.issue(user.id, refresh.session(), self.now()).map_err(internal)?;
        metrics().sign_ins.get(Outcome::Ok).inc();
        Ok(SignIn { access, refresh: refresh.reveal(), user, session: refresh.session() })
    }
}

fn bad_credentials(message: &str) -> ServiceError {
    metrics().sign_ins.get(Outcome::Failed).inc();
    UserError::general(UserErrorCode::BadCredentials, message).into()
}

fn not_hashed(error: crate::auth::PasswordError) -> ServiceError {
    match error {
        crate::auth::PasswordError::NoPermit(refused) => ServiceError::Unavailable(refused.to_string()),
        fault => internal(fault),
    }
}

fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> ServiceError {
    ServiceError::Internal(Box::new(cause))
}
