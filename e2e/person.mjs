// Puts people, sessions and waiting devices into the database of a running server: the tests of pages need nobody to type
// a password. Python, which the other tests need anyway, has SQLite.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function inDatabase(server, script, ...values) {
  const lines = ["import sqlite3, sys, time", "db = sqlite3.connect(sys.argv[1], timeout=20)", "now = int(time.time() * 1e6)", script, "db.commit()"];
  const output = execFileSync("python3", ["-c", lines.join("\n"), join(server.folder, "cellar.db"), ...values]);
  return output.toString().trim();
}

/** Adds somebody who has a password; their id. */
export function addPerson(server, name, role, fullName = "") {
  return inDatabase(server, `
row = db.execute("INSERT INTO user (name, full_name, role, password_hash, created_at_us) VALUES (?, ?, ?, 'none', ?)",
                 (sys.argv[2], sys.argv[4], sys.argv[3], now))
print(row.lastrowid)`, name, role, fullName);
}

/** Signs somebody in; the value of their cookie. */
export function signIn(server, userId) {
  const token = randomBytes(32).toString("hex");
  inDatabase(server, `
db.execute("INSERT INTO session (token_sha256, user_id, address, agent, created_at_us, seen_at_us, confirmed_at_us) VALUES (?, ?, '127.0.0.1', 'e2e', ?, ?, ?)",
           (bytes.fromhex(sys.argv[3]), int(sys.argv[2]), now, now, now))`, userId, sha256(token));
  return token;
}

/** Keeps a message of a device as a dead letter. */
export function addLetter(server, device, payload) {
  inDatabase(server, `
db.execute("INSERT INTO dead_letter (device_id, received_at_us, topic, reason, payload) VALUES (?, ?, ?, 'byte 1: expected a string in double quotes', ?)",
           (sys.argv[2], now, f"cellar/v1/{sys.argv[2]}/up/samples", sys.argv[3].encode()))`, device, payload);
}

/** Notes a device that waits to be let in. */
export function addWaiting(server, device) {
  inDatabase(server, `
db.execute("INSERT INTO pending_device (device_id, secret_sha256, broker_hash, address, first_at_us, last_at_us, tries) VALUES (?, ?, '', '10.0.0.21', ?, ?, 3)",
           (sys.argv[2], bytes.fromhex(sys.argv[3]), now - 90_000_000, now))`, device, sha256(device));
}
