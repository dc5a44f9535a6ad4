// An Apollo Server over MongoDB, set up as its documentation recommends for production: a web framework's
// integration (Fastify), draining at shutdown, NODE_ENV=production. With REDIS_URL also subscriptions: graphql-ws on
// the same HTTP server, events through Redis.
import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import fastifyApollo, { fastifyApolloDrainPlugin } from "@as-integrations/fastify";
import { makeExecutableSchema } from "@graphql-tools/schema";
import Fastify from "fastify";
import { useServer } from "graphql-ws/use/ws";
import { MongoClient } from "mongodb";
import { WebSocketServer } from "ws";
import { authentication } from "./auth.mjs";
import { requestData } from "./data.mjs";
import { connectPubSub, orderPlacing } from "./orders.mjs";
import { resolvers, typeDefs } from "./schema.mjs";

const { DATABASE_URL, REDIS_URL, HOST = "127.0.0.1", PORT = "4000", WORKERS = "1" } = process.env;
if (!DATABASE_URL) {
  console.error("error: DATABASE_URL is not set, for example mongodb://127.0.0.1:27017/apollo_peer?replicaSet=rs0");
  process.exit(2);
}

// One process serves by itself; more share the port through node:cluster.
process.env.JWT_SECRET ??= randomBytes(32).toString("hex"); // workers inherit it
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
  const { register, viewerId } = authentication(db, process.env.JWT_SECRET);
  const fastify = Fastify();
  const schema = makeExecutableSchema({ typeDefs, resolvers });
  const live = REDIS_URL ? await subscriptions(schema, fastify.server, client) : { stop: async () => {} };
  const apollo = new ApolloServer({
    schema,
    plugins: [
      fastifyApolloDrainPlugin(fastify),
      // Nothing here uses cache hints; without the plugin Apollo Server does not wrap every field.
      ApolloServerPluginCacheControlDisabled(),
      { serverWillStart: async () => ({ drainServer: live.stop, serverWillStop: () => client.close() }) },
    ],
  });
  await apollo.start();
  await fastify.register(fastifyApollo(apollo), {
    context: async (request) => ({
      data: requestData(db),
      placeOrder: live.placeOrder,
      register,
      viewerId: viewerId(request),
    }),
  });
  fastify.get("/healthz", async () => "ok");
  console.log(`listening on ${await fastify.listen({ host: HOST, port: Number(PORT) })}/graphql`);
}

async function subscriptions(schema, server, client) {
  const db = client.db();
  const pubsub = connectPubSub(REDIS_URL);
  const webSockets = new WebSocketServer({ server, path: "/graphql" });
  const { dispose } = useServer({ schema, context: () => ({ data: requestData(db), pubsub }) }, webSockets);
  return {
    placeOrder: await orderPlacing(client, db, pubsub),
    stop: async () => {
      await dispose();
      await pubsub.close();
    },
  };
}
