// Announce facts as an agency that runs a system of its own.
//
//   env $(grep -v '^#' programs.dinsos-kaltim.env) node announce.mjs SCHEMA STATE < facts.jsonl
//
// SCHEMA is a file of shared/events/schemas, each line of facts.jsonl the data of one event as that schema says.
// STATE is a file in which this client keeps what it announced last and what it has not handed over yet.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Kafka, Partitioners, logLevel } from "kafkajs";

const [schemaFile, stateFile] = process.argv.slice(2);
const schema = JSON.parse(readFileSync(schemaFile, "utf8"));
const env = process.env;
const topic = schema["x-topic"].replace("tuntas", env.TUNTAS_TOPIC_ROOT).replace("{agency}", env.TUNTAS_AGENCY);
const state = existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, "utf8")) : { last: {}, unsent: [] };

// Facts about one household are numbered 1, 2, 3 … and share a key, so that they are heard in this order.
function record(data) {
  const key = data[schema["x-key"]];
  state.last[key] = (state.last[key] ?? 0) + 1;
  return {
    key,
    value: JSON.stringify(data),
    headers: {
      ce_specversion: "1.0",
      ce_id: randomUUID(),
      ce_source: `/agencies/${env.TUNTAS_AGENCY}/${schema["x-announcer"]}`,
      ce_type: schema["x-type"],
      ce_subject: `${schema["x-subject"]}/${key}`,
      ce_time: new Date().toISOString(),
      ce_dataschema: schema["$id"],
      ce_sequence: String(state.last[key]),
      "content-type": "application/json",
    },
  };
}

function keep() {
  writeFileSync(`${stateFile}.new`, JSON.stringify(state));
  renameSync(`${stateFile}.new`, stateFile);
}

const facts = readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
state.unsent.push(...facts.map(record));
keep(); // Before anything is sent: after a crash the same records go out again, and are heard once.

const kafka = new Kafka({
  clientId: env.TUNTAS_KAFKA_USERNAME,
  brokers: env.TUNTAS_KAFKA_BOOTSTRAP.split(","),
  ssl: env.TUNTAS_KAFKA_CA_FILE ? { ca: [readFileSync(env.TUNTAS_KAFKA_CA_FILE)] } : false,
  sasl: { mechanism: "scram-sha-256", username: env.TUNTAS_KAFKA_USERNAME, password: env.TUNTAS_KAFKA_PASSWORD },
  logLevel: logLevel.ERROR,
});
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  createPartitioner: Partitioners.DefaultPartitioner,
});
await producer.connect();
try {
  await producer.send({ topic, acks: -1, messages: state.unsent });
  console.log(`${state.unsent.length} announced on ${topic}`);
  state.unsent = [];
  keep();
} finally {
  await producer.disconnect();
}
