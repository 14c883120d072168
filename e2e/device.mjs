// A device of MQTT 3.1.1, no more of it than the specs need: it logs in and publishes with QoS 1. Any text goes, also
// where a client library would refuse it.
import { connect } from "node:net";

const ANSWER_TIMEOUT_MS = 20_000;
const [CONNECT, CONNACK, PUBLISH, PUBACK] = [0x10, 0x20, 0x32, 0x40];

const text = (words) => {
  const bytes = Buffer.from(words);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function packet(kind, ...parts) {
  const body = Buffer.concat(parts);
  const length = [];
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7) length.push((rest & 127) | (rest > 127 ? 128 : 0));
  return Buffer.concat([Buffer.from([kind, ...length]), body]);
}

export class Device {
  #socket;
  #received = Buffer.alloc(0);
  #waiting = [];
  #packetId = 0;

  // Resolves when the server let it in; rejects when it did not.
  static async connect(address, id, secret, clientId = id) {
    const device = new Device();
    const [host, port] = [address.slice(0, address.lastIndexOf(":")), Number(address.split(":").at(-1))];
    device.#socket = connect({ host, port });
    device.#socket.on("data", (bytes) => device.#read(bytes));
    device.#socket.on("error", () => {});
    device.#socket.on("close", () => device.#waiting.splice(0).forEach(({ reject }) => reject(new Error(`${id} was cut off`))));
    const header = Buffer.concat([text("MQTT"), Buffer.from([4, 0xc2, 0, 60])]);
    const [, status] = await device.#ask(packet(CONNECT, header, text(clientId), text(id), text(secret)), CONNACK);
    if (status !== 0) throw new Error(`${id} was refused with ${status}`);
    return device;
  }

  // Resolves when the server has stored the message.
  publish(topic, payload) {
    const id = (this.#packetId += 1);
    const body = typeof payload === "string" ? payload : JSON.stringify(payload);
    return this.#ask(packet(PUBLISH, text(topic), Buffer.from([id >> 8, id & 255]), Buffer.from(body)), PUBACK);
  }

  close() { this.#socket.destroy(); }

  // Acknowledgements come in the order of what was sent.
  #ask(bytes, answer) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no answer in time")), ANSWER_TIMEOUT_MS);
      const done = (end) => (result) => { clearTimeout(timer); end(result); };
      this.#waiting.push({ answer, resolve: done(resolve), reject: done(reject) });
      this.#socket.write(bytes);
    });
  }

  // What the server sends here is short: lengths of one byte.
  #read(bytes) {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= 2 && this.#received.length >= 2 + this.#received[1]) {
      const end = 2 + this.#received[1];
      const [kind, body] = [this.#received[0], this.#received.subarray(2, end)];
      this.#received = this.#received.subarray(end);
      const index = this.#waiting.findIndex(({ answer }) => answer === kind);
      if (index >= 0) this.#waiting.splice(index, 1)[0].resolve(body);
    }
  }
}
