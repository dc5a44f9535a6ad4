//! The engine that scales out: MongoDB replica sets and sharded clusters.
