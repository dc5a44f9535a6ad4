//! The errors, by what to do about them.

use cynic::{GraphQlError, GraphQlResponse, http::CynicReqwestError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused the request, and would refuse it again.
    #[error("{0}")]
    Refused(String),
    /// There is no valid token for the request: sign in.
    #[error("the token has expired, or its session was ended")]
    Token,
    /// The server can't be reached, or can't serve now: try again.
    #[error("{0}")]
    Passing(String),
}

/// `extensions` of a GraphQL error.
#[derive(Debug, serde::Deserialize)]
pub struct Extensions {
    code: String,
}

/// The data of an answer, or the first of its errors.
pub fn data<T>(response: GraphQlResponse<T, Extensions>) -> Result<T, Error> {
    if let Some(error) = response.errors.into_iter().flatten().next() {
        return Err(error.into());
    }
    response.data.ok_or_else(|| Error::Refused("the answer has no data".to_owned()))
}

impl From<GraphQlError<Extensions>> for Error {
    fn from(error: GraphQlError<Extensions>) -> Self {
        match error.extensions.map(|extensions| extensions.code) {
            Some(code) if code == "UNAVAILABLE" => Self::Passing(error.message),
            Some(code) if code == "UNAUTHENTICATED" => Self::Token,
            Some(code) => Self::Refused(format!("{code}: {}", error.message)),
            None => Self::Refused(error.message),
        }
    }
}

impl From<CynicReqwestError> for Error {
    fn from(error: CynicReqwestError) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<tokio_tungstenite::tungstenite::Error> for Error {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<graphql_ws_client::Error> for Error {
    fn from(error: graphql_ws_client::Error) -> Self {
        match error {
            graphql_ws_client::Error::Close(4403, _) => Self::Token,
            error => Self::Passing(error.to_string()),
        }
    }
}
