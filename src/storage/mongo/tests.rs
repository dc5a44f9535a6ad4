//! Tests that look inside the engine.
