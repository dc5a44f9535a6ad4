//! Labels with a fixed set of values.

use super::kind::label;

label! {
    /// The transport that delivers results to clients.
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
    /// A cache of this process.
    CacheName {
        /// Documents that were prepared.
        Documents = "documents",
        /// Rights of sessions.
        Sessions = "sessions",
        /// Trending products.
        Trending = "trending",
        /// Products by id.
        Products = "products",
        /// Orders by id.
        Orders = "orders",
        /// Tasks by id.
        Tasks = "tasks",
        /// Users by id.
        Users = "users",
        /// Pages of lists of products, orders, tasks and users.
        Pages = "pages",
        /// Counts of products, orders, tasks and users.
        Counts = "counts",
        /// Products and orders that nodes keep for each other.
        Shared = "shared",
        /// Tags of answers that anyone may get.
        PublicAnswers = "public_answers",
    }
}

label! {
    /// The outcome of a bus message.
    BusMessageOutcome {
        /// Received from another node.
        Received = "received",
        /// Sent to the other nodes.
        Sent = "sent",
        /// Not sent; the other nodes find the event in the log.
        Dropped = "dropped",
        /// Received but not readable.
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
    /// A component that readiness depends on.
    Component {
        /// The database.
        Storage = "storage",
        /// The bus between nodes.
        Bus = "bus",
        /// The event feed.
        Feed = "feed",
        /// The event log.
        Log = "log",
        /// The clock, compared with the database's.
        Clock = "clock",
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
