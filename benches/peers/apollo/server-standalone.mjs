import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import { startStandaloneServer } from "@apollo/server/standalone";
import { MongoClient } from "mongodb";
import { requestData } from "./data.mjs";
import { resolvers, typeDefs } from "./schema.mjs";
const db = (await new MongoClient(process.env.DATABASE_URL, { minPoolSize: 10, maxPoolSize: 50 }).connect()).db();
const apollo = new ApolloServer({ typeDefs, resolvers, plugins: [ApolloServerPluginCacheControlDisabled()] });
await startStandaloneServer(apollo, { listen: { host: "127.0.0.1", port: Number(process.env.PORT) }, context: async () => ({ data: requestData(db) }) });
