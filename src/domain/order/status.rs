//! The statuses of an order, and which may follow which.

use super::super::declare::text_enum;

text_enum! {
    /// Where an order is in its life.
    pub enum OrderStatus {
        /// Placed; its stock is taken.
        Pending => "PENDING",
        /// Accepted by staff.
        Confirmed => "CONFIRMED",
        /// On its way.
        Shipped => "SHIPPED",
        /// With the customer.
        Delivered => "DELIVERED",
        /// Ended before it was shipped; its stock is back.
        Cancelled => "CANCELLED",
        /// Sent back by the customer; its stock is back.
        Returned => "RETURNED",
    }
}

impl OrderStatus {
    /// The statuses that may follow this one.
    pub const fn allowed_transitions(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Confirmed, Self::Cancelled],
            Self::Confirmed => &[Self::Shipped, Self::Cancelled],
            Self::Shipped => &[Self::Delivered],
            Self::Delivered => &[Self::Returned],
            Self::Cancelled | Self::Returned => &[],
        }
    }

    /// Whether an order that comes to this status gives its stock back. No such status has a successor, so an order
    /// gives its stock back at most once.
    pub const fn returns_stock(self) -> bool {
        match self {
            Self::Cancelled | Self::Returned => true,
            Self::Pending | Self::Confirmed | Self::Shipped | Self::Delivered => false,
        }
    }

    /// Whether the units of an order of this status count as sold when products are ranked. Returned ones do: they
    /// were wanted.
    pub const fn counts_as_sold(self) -> bool {
        match self {
            Self::Cancelled => false,
            Self::Pending | Self::Confirmed | Self::Shipped | Self::Delivered | Self::Returned => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_machine_allows_exactly_the_documented_steps() {
        use OrderStatus::*;
        let allowed = [
            (Pending, Confirmed),
            (Pending, Cancelled),
            (Confirmed, Shipped),
            (Confirmed, Cancelled),
            (Shipped, Delivered),
            (Delivered, Returned),
        ];
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                assert_eq!(from.allowed_transitions().contains(&to), allowed.contains(&(from, to)), "{from:?} {to:?}");
            }
            assert!(
                !from.returns_stock() || from.allowed_transitions().is_empty(),
                "{from:?} can only give stock back once"
            );
        }
    }
}
