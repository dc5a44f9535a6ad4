//! Checks every operation against the server's schema at build time.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    cynic_codegen::register_schema("orderwire").from_sdl_file("../../schema.graphql")?.as_default()?;
    Ok(())
}
