//! `orderwire user`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Settings, output, password, settings};
use crate::{
    domain::{UserRole, Viewer},
    service::Registration,
};

/// The subcommands of `user`.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Create a user: the first admin, for example.
    ///
    /// The password is asked for, or read from standard input with --password-stdin. Without a terminal, one is
    /// generated and printed once.
    Create(CreateArgs),
}

/// Arguments of `user create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// E-mail address, the name to sign in with.
    #[arg(long)]
    email: String,
    /// Display name.
    #[arg(long)]
    name: String,
    /// What the user is allowed to do.
    #[arg(long, value_enum)]
    role: Role,
    /// Region the user is in.
    #[arg(long)]
    region: Option<String>,
    /// Read the password from the first line of standard input.
    #[arg(long, conflicts_with = "generate_password")]
    password_stdin: bool,
    /// Generate a password and print it.
    #[arg(long)]
    generate_password: bool,
}

/// A user's role, as the command line names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Buys products; sees only their own orders and tasks.
    Customer,
    /// Manages products, orders and tasks.
    Staff,
    /// Manages users as well.
    Admin,
}

impl From<Role> for UserRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Customer => Self::Customer,
            Role::Staff => Self::Staff,
            Role::Admin => Self::Admin,
        }
    }
}

pub(super) async fn run(settings: Settings, command: UserCommand) -> Result<(), Failure> {
    let UserCommand::Create(args) = command;
    let config = settings.load()?;
    settings::start_log(&config);
    let given = if args.password_stdin {
        Some(password::from_stdin()?)
    } else if args.generate_password {
        None
    } else {
        password::ask()?
    };
    let is_given = given.is_some();
    let password = given.unwrap_or_else(password::generate);
    let core = settings::open_without_redis(config).await?;
    let registration =
        Registration { email: args.email, name: args.name, region: args.region, password: Some(password.clone()) };
    let created = core.service().create_user(&Viewer::System, registration, args.role.into()).await;
    core.close().await;
    let user = created?;
    let email = user.email.ok_or_else(|| Failure::new("the new user has no e-mail address"))?;
    output::print(&format!("created {email} ({})\n", user.id))?;
    if is_given { Ok(()) } else { output::print(&format!("password: {password}\n")) }
}
