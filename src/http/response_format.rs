//! The media types of whole answers.

/// The media type of a GraphQL answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ResponseFormat {
    /// `application/json`: the status is 200 for every well-formed request, whatever its result.
    Json,
    /// `application/graphql-response+json`: the status tells a refused request from an executed one.
    GraphqlResponse,
}

impl ResponseFormat {
    /// In the order they are taken when the client has no preference.
    pub(in crate::http) const ALL: [Self; 2] = [Self::Json, Self::GraphqlResponse];

    pub(in crate::http) const fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json",
        }
    }

    pub(in crate::http) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}
