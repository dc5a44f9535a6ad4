//! The error type of all commands.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use crate::{
    app::StartError,
    config::{ConfigProblem, FileError},
    graphql::InvalidSchema,
    service::{ServiceError, UserError, export::ExportError, import::ImportError},
};

use super::import::ImportFailure;

/// Why a command failed, as lines for standard error; usually one line.
#[derive(Debug)]
pub struct Failure(Vec<String>);

impl Failure {
    /// A failure with one line.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(vec![message.to_string()])
    }

    /// Prints the failure on standard error and returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        let mut stderr = io::stderr().lock();
        for line in self.0 {
            // If standard error is closed, there is nowhere left to report it.
            let _ = writeln!(stderr, "error: {}", line.replace('\n', " "));
        }
        ExitCode::FAILURE
    }
}

impl From<Vec<ConfigProblem>> for Failure {
    fn from(problems: Vec<ConfigProblem>) -> Self {
        Self(problems.iter().map(ConfigProblem::to_string).collect())
    }
}

impl From<Vec<StartError>> for Failure {
    fn from(errors: Vec<StartError>) -> Self {
        Self(errors.iter().map(StartError::to_string).collect())
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::User(errors) => Self(errors.iter().map(line).collect()),
            other => Self::new(other),
        }
    }
}

fn line(error: &UserError) -> String {
    match &error.field {
        Some(field) => format!("{}: {}", field.join("."), error.message),
        None => error.message.clone(),
    }
}

macro_rules! one_line {
    ($($error:ty)+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error)
            }
        }
    )+};
}

one_line!(StartError FileError ImportFailure ImportError ExportError InvalidSchema);
