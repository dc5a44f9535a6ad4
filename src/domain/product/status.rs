//! Whether a product is on sale.

use super::super::declare::text_enum;

text_enum! {
    /// Whether a product can be bought.
    pub enum ProductStatus {
        /// On sale.
        Active => "ACTIVE",
        /// Kept for the orders that name it; only staff see it.
        Archived => "ARCHIVED",
    }
}

impl ProductStatus {
    /// Whether everyone sees products of this status and can buy them.
    pub const fn is_on_sale(self) -> bool {
        match self {
            Self::Active => true,
            Self::Archived => false,
        }
    }
}
