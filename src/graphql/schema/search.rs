//! The argument `filter.search` of lists.

use crate::{
    domain::SearchTerms,
    graphql::engine::error::{ApiError, ApiResult},
};

/// The words of a search; `None` if it is left out or blank.
pub(crate) fn search_terms(text: Option<&str>) -> ApiResult<Option<SearchTerms>> {
    let text = text.filter(|text| !text.trim().is_empty());
    let terms = text.map(SearchTerms::parse).transpose();
    terms.map_err(|error| ApiError::bad_input(format!("filter.search: {error}")))
}
