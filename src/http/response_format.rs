//! The media types of single responses.

/// The media type of a single GraphQL response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ResponseFormat {
    /// `application/json`: the status is 200 for every well-formed request, whatever its result.
    Json,
    /// `application/graphql-response+json`: the status distinguishes a refused request from an executed one.
    GraphqlResponse,
}

impl ResponseFormat {
    /// All formats, in order of preference when the client has none.
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
