// An Apollo Server over MongoDB, set up as its documentation recommends for production: a web framework's
// integration (Fastify), draining at shutdown, NODE_ENV=production.
import cluster from "node:cluster";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import fastifyApollo, { fastifyApolloDrainPlugin } from "@as-integrations/fastify";
import Fastify from "fastify";
import { MongoClient } from "mongodb";
import { requestData } from "./data.mjs";
import { resolvers, typeDefs } from "./schema.mjs";

const { DATABASE_URL, HOST = "127.0.0.1", PORT = "4000", WORKERS = "1" } = process.env;
if (!DATABASE_URL) {
  console.error("error: DATABASE_URL is not set, for example mongodb://127.0.0.1:27017/apollo_peer?replicaSet=rs0");
  process.exit(2);
}

// One process serves by itself; more share the port through node:cluster.
if (cluster.isPrimary && Number(WORKERS) > 1) {
  for (let worker = 0; worker < Number(WORKERS); worker++) cluster.fork();
  process.once("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill("SIGTERM");
  });
} else {
  await serve();
}

async function serve() {
  const client = await new MongoClient(DATABASE_URL, { minPoolSize: 10, maxPoolSize: 50 }).connect();
  const db = client.db();
  const fastify = Fastify();
  const apollo = new ApolloServer({
    typeDefs,
    resolvers,
    plugins: [
      fastifyApolloDrainPlugin(fastify),
      // Nothing here uses cache hints; without the plugin Apollo Server does not wrap every field.
      ApolloServerPluginCacheControlDisabled(),
      { serverWillStart: async () => ({ serverWillStop: () => client.close() }) },
    ],
  });
  await apollo.start();
  await fastify.register(fastifyApollo(apollo), { context: async () => ({ data: requestData(db) }) });
  fastify.get("/healthz", async () => "ok");
  console.log(`listening on ${await fastify.listen({ host: HOST, port: Number(PORT) })}/graphql`);
}
