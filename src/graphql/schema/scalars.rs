//! The custom scalars of the schema.

use async_graphql::{Description, InputType, InputValueError, InputValueResult, Pos, Scalar, ScalarType, Value};

use crate::{
    domain,
    graphql::engine::{document::ScalarRule, json::json_text},
};

macro_rules! text_scalar {
    ($(#[doc = $doc:literal])* $name:ident($inner:ty), $url:literal) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Description)]
        pub struct $name(pub $inner);

        #[Scalar(use_type_description = true, specified_by_url = $url)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match &value {
                    Value::String(text) => text.parse().map(Self).map_err(InputValueError::custom),
                    _ => Err(InputValueError::expected_type(value)),
                }
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.to_string())
            }
        }

    };
}

text_scalar!(
    /// A point in time as RFC 3339 has it, in UTC with milliseconds: `2026-01-31T09:30:00.000Z`, in the years 0001 to
    /// 9999. Other offsets are accepted as input. Digits past the millisecond are cut off. A leap second is refused.
    DateTime(domain::Timestamp),
    "docs/scalars.md#datetime"
);
text_scalar!(
    /// An exact decimal as a string, with at most 4 decimals and at least 2 shown: `"12.50"`, `"0.001"`. Never a float.
    Decimal(domain::Decimal),
    "docs/scalars.md#decimal"
);
text_scalar!(
    /// An opaque position in the event log, valid on every node. Pass it as `after` to resume a subscription.
    EventCursor(domain::EventCursor),
    "docs/scalars.md#eventcursor"
);
text_scalar!(
    /// An ISO 4217 currency code: `"GBP"`.
    CurrencyCode(domain::CurrencyCode),
    "docs/scalars.md#currencycode"
);

/// The custom scalars of the schema, whose values are checked before an operation runs.
pub const SCALARS: &[ScalarRule] = &[
    ScalarRule { name: "DateTime", check: check::<DateTime> },
    ScalarRule { name: "Decimal", check: check::<Decimal> },
    ScalarRule { name: "EventCursor", check: check::<EventCursor> },
    ScalarRule { name: "CurrencyCode", check: check::<CurrencyCode> },
];

fn check<T: InputType>(value: Value) -> Result<(), String> {
    T::parse(Some(value)).map(drop).map_err(|error| error.into_server_error(Pos::default()).message)
}

json_text! {
    DateTime: time => &time.0.to_string();
    Decimal: amount => amount.0.text(&mut [0; domain::Decimal::TEXT_LEN]);
    CurrencyCode: currency => currency.0.as_str();
    EventCursor: cursor => &cursor.0.to_string();
}
