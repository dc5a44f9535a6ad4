//! Money, for every type that has an amount.

use async_graphql::Object;

use super::scalars::{CurrencyCode, Decimal};
use crate::{
    domain,
    graphql::engine::{
        document::{cache_control, directives::cost},
        json::json_object,
    },
};

/// An amount of money.
pub struct Money(pub domain::Money);

json_object! {
    /// An amount of money.
    #[Object(serial, directive = cost::apply("0".into()), directive = cache_control::apply(None, Some(true)))]
    Money as money {
        /// How much, exactly.
        amount: Decimal = Decimal(money.0.amount);
        /// In which currency.
        currency_code: CurrencyCode = CurrencyCode(money.0.currency);
    }
}
