// RabbitMQ and a broker of Kafka's protocol for the benchmark of webhooks, until a signal or the end of standard input:
//   node webhooks-brokers.mjs FOLDER RABBITMQ_PORT KAFKA_PORT
// Prints a line once the exchange has a queue and the topic is there. Both keep what they get.
import { Kafka, RabbitMq } from "../tests/clients/chaos/brokers.mjs";

const [folder, rabbitmqPort, kafkaPort] = process.argv.slice(2);
const brokers = [
  new RabbitMq("rabbitmq", Number(rabbitmqPort), folder),
  new Kafka("kafka", Number(kafkaPort), folder),
];
await Promise.all(brokers.map((broker) => broker.start()));
console.log("ready");

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  await Promise.all(brokers.map((broker) => broker.stop()));
  process.exit();
}
process.once("SIGTERM", stop);
process.stdin.resume().once("end", stop);
