// The baseline: a central system for OCPP 1.6 as one writes it in Node today, and a program of its
// own.  Every message is held against its schema (strict mode) and stored by one statement, its row
// of the log included, before it is answered.  Statements are prepared and connections pooled; the
// tables are its own (schema.sql), with the facts that Ampdesk keeps and fewer indexes.
//
// node server.mjs PORT DATABASE_URL: says "ready" once it listens, ends when its input ends.

import { readFileSync } from "node:fs";
import { OCPPServer } from "ocpp-ws-io";
import pg from "pg";

const [port, url] = process.argv.slice(2);
const PROTOCOL = "ocpp1.6";
const REGISTER = "Energy.Active.Import.Register";
const statements = Object.fromEntries(
  readFileSync(new URL("statements.sql", import.meta.url), "utf8")
    .split(/^-- name: /m)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)]),
);
const options = "-c synchronous_commit=on";
const pool = new pg.Pool({ connectionString: url, options, max: 10 });

/** Run a statement by its name; return its first row. */
async function run(name, values) {
  const { rows } = await pool.query({ name, text: statements[name], values });
  return rows[0];
}

/** The answer and the values of the statement of each action: what it stores beside the log. */
const HANDLERS = {
  async BootNotification(log, params) {
    const answer = { status: "Accepted", currentTime: new Date().toISOString(), interval: 300 };
    await run("boot", [...log, JSON.stringify(answer)]);
    return answer;
  },
  async Authorize(log, params) {
    const { status } = await run("authorize", [...log, params.idTag]);
    return { idTagInfo: { status } };
  },
  async StartTransaction(log, params) {
    const { connectorId, idTag, meterStart, timestamp } = params;
    const values = [...log, idTag, connectorId, meterStart, timestamp];
    const { id, status } = await run("start", values);
    return { transactionId: Number(id), idTagInfo: { status } };
  },
  async MeterValues(log, params) {
    const rows = params.meterValue.map(reading);
    const columns = ["at", "register", "power", "current", "voltage", "samples"];
    const arrays = columns.map((column) => rows.map((row) => row[column]));
    await run("meter", [...log, params.transactionId, params.connectorId, ...arrays]);
    return {};
  },
  async StopTransaction(log, params) {
    const { transactionId, idTag, meterStop, timestamp, reason } = params;
    const values = [...log, transactionId, idTag, meterStop, timestamp, reason ?? "Local"];
    const { status } = await run("stop", values);
    return idTag === undefined ? {} : { idTagInfo: { status } };
  },
};

/** One meterValue as a row: its register, power, current and voltage, and all of its samples. */
function reading({ timestamp, sampledValue }) {
  const of = (measurand) => {
    const found = sampledValue.find((one) => (one.measurand ?? REGISTER) === measurand);
    return found === undefined ? null : Number(found.value);
  };
  return {
    at: timestamp,
    register: of(REGISTER),
    power: of("Power.Active.Import"),
    current: of("Current.Import"),
    voltage: of("Voltage"),
    samples: JSON.stringify(sampledValue),
  };
}

const server = new OCPPServer({
  protocols: [PROTOCOL],
  strictMode: true,
  logging: false,
  connectionRateLimit: { limit: 1_000_000, windowMs: 1000 },
});
const stations = new Map((await pool.query("SELECT identity, id FROM stations")).rows.map(
  ({ identity, id }) => [identity, id],
));
server.auth((ctx) => ctx.accept({ protocol: PROTOCOL }));
server.on("client", (client) => {
  const station = stations.get(client.identity);
  for (const [action, handler] of Object.entries(HANDLERS)) {
    client.handle(PROTOCOL, action, ({ messageId, params }) =>
      handler([station, messageId, action, JSON.stringify(params)], params),
    );
  }
});
await server.listen(Number(port), { host: "127.0.0.1" });
console.log("ready");
process.stdin.resume().on("end", () => process.exit(0));
