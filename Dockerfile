# syntax=docker/dockerfile:1

# The compiler. rust-version in Cargo.toml is the oldest that works.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# Only the dependencies, with an empty program: this layer is reused until Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && touch src/lib.rs && echo 'fn main() {}' >src/main.rs
RUN cargo build --profile dist --locked --features kafka
COPY src src
COPY data/online-retail-sample.csv.gz data/hadoop-bugs-sample.csv.gz data/
COPY docs/scalars.md docs/
COPY ui/build ui/build
COPY playground/build playground/build
COPY client-examples/react-apollo/build client-examples/react-apollo/build
# Cargo compares modification times, and the empty program may be newer than the real one.
RUN touch src/lib.rs src/main.rs && cargo build --profile dist --locked --features kafka
# Initial content of a new volume, so that it belongs to the user below.
RUN mkdir empty

# Contains glibc, libgcc and CA certificates, but no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Orderwire" \
    org.opencontainers.image.description="Real-time commerce backend: one GraphQL API with live updates" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /build/target/dist/orderwire /usr/local/bin/orderwire
COPY --from=build --chown=65532:65532 /build/empty /data
COPY LICENSE-APACHE LICENSE-MIT data/README.md /usr/share/doc/orderwire/
USER 65532:65532
# The embedded store, unless DATABASE_URL names a MongoDB.
VOLUME /data
WORKDIR /data
# PORT, not BIND, so that users can set either.
ENV ORDERWIRE_ENV=production \
    PORT=8080 \
    ORDERWIRE_SERVER_HANDOVER=5s
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/usr/local/bin/orderwire", "health"]
ENTRYPOINT ["/usr/local/bin/orderwire"]
CMD ["serve"]
