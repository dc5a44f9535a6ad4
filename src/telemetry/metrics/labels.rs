//! Labels with a fixed set of values.

use super::kind::label;

label! {
    /// How results get to clients.
    Transport {
        /// The subprotocol `graphql-transport-ws`.
        WebSocket = "graphql-transport-ws",
        /// The subprotocol `graphql-ws`.
        LegacyWebSocket = "graphql-ws",
        /// Server-sent events.
        Events = "sse",
        /// Multipart responses over HTTP.
        Multipart = "multipart",
    }
}

label! {
    /// The root field of a subscription.
    SubscriptionField {
        /// Updates of orders.
        Orders = "orderUpdates",
        /// Updates of tasks.
        Tasks = "taskUpdates",
        /// Updates of stock.
        Stock = "stockUpdates",
    }
}

label! {
    /// A cache of this process.
    CacheName {
        /// Documents that were prepared.
        Documents = "documents",
        /// Rights of sessions.
        Sessions = "sessions",
        /// Trending products.
        Trending = "trending",
        /// Products that the lines of orders name (MongoDB).
        Products = "products",
    }
}

label! {
    /// What became of a message of the bus.
    BusMessageOutcome {
        /// It came from another node.
        Received = "received",
        /// It was sent to the other nodes.
        Sent = "sent",
        /// It could not be sent: the other nodes find the event in the log.
        Dropped = "dropped",
        /// It could not be read.
        Unreadable = "unreadable",
    }
}

label! {
    /// Whether an attempt succeeded.
    Outcome {
        /// It succeeded.
        Ok = "ok",
        /// It failed.
        Failed = "failed",
    }
}

label! {
    /// A part that serving depends on.
    Component {
        /// The database.
        Storage = "storage",
        /// The bus between nodes.
        Bus = "bus",
        /// The event feed.
        Feed = "feed",
    }
}

label! {
    /// Connections of a pool.
    PoolState {
        /// All open connections.
        Open = "open",
        /// Connections that an operation uses now.
        InUse = "in_use",
    }
}
