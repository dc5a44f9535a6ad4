//! The accounts of the demo.

use crate::{
    cli::{Failure, password},
    domain::{User, UserRole, Viewer},
    service::{Registration, Service},
};

pub(super) const ADMIN: &str = "admin";
pub(super) const CUSTOMER: &str = "customer";
pub(super) const STAFF: &str = "staff";

/// An account to sign in with.
pub(super) struct Account {
    /// Name of the account in the demo's output, such as the role.
    pub label: &'static str,
    /// The account's user, as stored.
    pub user: User,
    /// E-mail address to sign in with.
    pub email: String,
    /// Password, generated at each start.
    pub password: String,
}

/// The account with this label.
pub(super) fn with_label<'a>(accounts: &'a [Account], label: &str) -> Option<&'a Account> {
    accounts.iter().find(|account| account.label == label)
}

/// Creates the accounts, or sets new passwords if they exist.
pub(super) async fn sign_up(service: &Service) -> Result<Vec<Account>, Failure> {
    let people = [
        (ADMIN, "Ada Admin", UserRole::Admin),
        (CUSTOMER, "Carl Customer", UserRole::Customer),
        (STAFF, "Stella Staff", UserRole::Staff),
    ];
    let mut accounts = Vec::with_capacity(people.len());
    for (label, name, role) in people {
        let email = format!("{label}@example.com");
        let password = password::generate();
        let user = match service.user_by_email(&Viewer::System, &email).await? {
            Some(user) => service.set_password(&Viewer::System, user.id, password.clone()).await?,
            None => {
                let region = Some("United Kingdom".to_owned());
                let registration = Registration {
                    email: email.clone(),
                    name: name.to_owned(),
                    region,
                    password: Some(password.clone()),
                };
                service.create_user(&Viewer::System, registration, role).await?
            }
        };
        accounts.push(Account { label, user, email, password });
    }
    Ok(accounts)
}
