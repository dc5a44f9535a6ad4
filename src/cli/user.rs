//! `orderwire user`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Settings, output, password, settings};
use crate::{
    app::Core,
    domain::{UserRole, Viewer},
    service::Registration,
};

/// What can be done with users.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Make a user: the first admin, for example.
    ///
    /// The password is asked for, or read from standard input with --password-stdin; where nobody can be asked, one is
    /// made and printed once.
    Create(CreateArgs),
}

/// What `user create` takes.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// E-mail address, the name to sign in with.
    #[arg(long)]
    email: String,
    /// Display name.
    #[arg(long)]
    name: String,
    /// What the user may do.
    #[arg(long, value_enum)]
    role: Role,
    /// Region.
    #[arg(long)]
    region: Option<String>,
    /// Take the password from the first line of standard input.
    #[arg(long, conflicts_with = "generate_password")]
    password_stdin: bool,
    /// Make a password and print it.
    #[arg(long)]
    generate_password: bool,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Buys: sees their own orders and tasks.
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
    let mut config = settings.load()?;
    settings::start_log(&config);
    // A new user is no event that other nodes wait for.
    config.redis.url = None;
    let given = if args.password_stdin {
        Some(password::from_stdin()?)
    } else if args.generate_password {
        None
    } else {
        password::ask()?
    };
    let is_given = given.is_some();
    let password = given.unwrap_or_else(password::generate);
    let core = Core::open(&config).await?;
    let registration =
        Registration { email: args.email, name: args.name, region: args.region, password: Some(password.clone()) };
    let created = core.service().create_user(&Viewer::System, registration, args.role.into()).await;
    core.close().await;
    let user = created?;
    let email = user.email.ok_or_else(|| Failure::new("the new user has no e-mail address"))?;
    output::print(&format!("created {email} ({})\n", user.id))?;
    if is_given { Ok(()) } else { output::print(&format!("password: {password}\n")) }
}
