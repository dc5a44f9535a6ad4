//! Pages of lists whose cursors are the ids of their nodes.

use crate::graphql::engine::error::{ApiError, ApiResult};

/// The id in a cursor.
pub(super) fn id_after<T: std::str::FromStr>(after: Option<String>) -> ApiResult<Option<T>> {
    let invalid = |_| ApiError::bad_input("after: not a cursor of this list; pass one exactly as it was received");
    after.map(|text| text.parse().map_err(invalid)).transpose()
}

/// Declares a page of nodes that have a `cursor_text`, and its entries with their cursors. Where it is called, `Object`, `cost`,
/// `DirectJson`, `json_object` and `PageInfo` have to be in scope.
macro_rules! page {
    ($node:ident, $page:ident, $edge:ident) => {
        /// A page of a list.
        pub struct $page {
            pub(super) nodes: Vec<$node>,
            pub(super) has_more: bool,
            pub(super) from_start: bool,
        }

        json_object! {
            /// A page of a list.
            #[Object]
            $page as page {
                /// The entries with their cursors.
                edges: DirectJson<Vec<$edge>> = DirectJson(page.nodes.iter().cloned().map($edge).collect());
                /// The entries alone.
                nodes: DirectJson<Vec<$node>> = DirectJson(page.nodes.clone());
                /// Where this page stands in the list.
                page_info: DirectJson<PageInfo> = DirectJson(PageInfo {
                    has_next: page.has_more,
                    has_previous: !page.from_start,
                    start: page.nodes.first().map($node::cursor_text),
                    end: page.nodes.last().map($node::cursor_text),
                });
            }
        }

        /// An entry of a list with its cursor.
        pub struct $edge($node);

        json_object! {
            /// An entry of a list with its cursor.
            #[Object(directive = cost::apply("0".into()))]
            $edge as edge {
                /// Opaque position of the entry, for `after`.
                cursor: String = edge.0.cursor_text();
                /// The entry.
                node: DirectJson<$node> = DirectJson(edge.0.clone());
            }
        }
    };
}
pub(super) use page;
