# syntax=docker/dockerfile:1

# What the binary is built with; rust-version in Cargo.toml is the oldest that will do.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# The dependencies alone, over an empty program: a layer that lasts until Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && touch src/lib.rs && echo 'fn main() {}' >src/main.rs
RUN cargo build --profile dist --locked
COPY src src
COPY data/online-retail-sample.csv.gz data/hadoop-bugs-sample.csv.gz data/
COPY ui/build ui/build
COPY playground/build playground/build
COPY client-examples/react-apollo/build client-examples/react-apollo/build
# Cargo goes by times of change, and the empty program may be younger than the real one.
RUN touch src/lib.rs src/main.rs && cargo build --profile dist --locked
# What a new volume is filled with, so that it belongs to the user below.
RUN mkdir empty

# glibc, libgcc and CA certificates, and no shell.
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
# PORT rather than BIND, so that either can be set from outside.
ENV ORDERWIRE_ENV=production \
    PORT=8080 \
    ORDERWIRE_SERVER_HANDOVER=5s
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/usr/local/bin/orderwire", "health"]
ENTRYPOINT ["/usr/local/bin/orderwire"]
CMD ["serve"]
