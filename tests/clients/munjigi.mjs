// Runs docs/clients/munjigi.js and axios.js in Node against a server whose access tokens expire after a second, and where a
// refresh token that is used twice ends the session. JSON in, JSON out.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import { Munjigi, MunjigiError } from "./munjigi.js";
import { withTokens } from "./axios.js";

const { server, username, password } = JSON.parse(readFileSync(0, "utf8"));
const me = `${server}/api/me`;

// Every request to munjigi for tokens, and what the next one is answered instead.
const plain = globalThis.fetch;
let asked = [];
let instead;
globalThis.fetch = async (url, init) => {
  const path = new URL(url).pathname;
  if (path.startsWith("/auth/")) asked.push(path);
  const answer = path === "/auth/refresh" ? instead : undefined;
  if (answer) instead = undefined;
  return answer ?? plain(url, init);
};

const took = () => asked.splice(0);

async function expired(token) {
  const headers = { Authorization: `Bearer ${token}` };
  while ((await plain(me, { headers })).status !== 401) await new Promise((done) => setTimeout(done, 50));
}

const stored = [];
const munjigi = new Munjigi(server, { transport: "body", onRefresh: (token) => stored.push(token) });
await assert.rejects(munjigi.fetch(me), { name: "MunjigiError", status: 401 });
await assert.rejects(munjigi.logIn({ username, password: "a wrong password" }), {
  name: "MunjigiError", status: 401, code: "INVALID_CREDENTIALS",
});
took();
await munjigi.logIn({ username, password });
assert.deepEqual(took(), ["/auth/login"]);

// Ten calls with an expired token are one refresh, three times.
for (let round = 0; round < 3; round += 1) {
  await expired(await munjigi.token());
  const calls = Array.from({ length: 10 }, () => munjigi.fetch(me, { headers: { "Accept-Language": "ko" } }));
  const answers = await Promise.all(calls);
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
  assert.equal(answers[0].headers.get("Content-Language"), "ko");
  assert.deepEqual(took(), ["/auth/refresh"]);
}
assert.equal(stored.length, 4);
assert.equal(new Set(stored).size, 4);

// A request that is refused for another reason is not repeated.
const forbidden = await munjigi.fetch(`${server}/api/users`, { method: "POST", body: "{}" });
assert.equal(forbidden.status, 403);

// 503 keeps the tokens.
await expired(await munjigi.token());
instead = new Response("<p>down</p>", { status: 503, headers: { "Retry-After": "7" } });
took();
await assert.rejects(munjigi.fetch(me), { status: 503, retryAfter: 7 });
assert.equal((await munjigi.fetch(me)).status, 200);
assert.deepEqual(took(), ["/auth/refresh", "/auth/refresh"]);

// The stored token continues the session elsewhere.
const later = new Munjigi(server, { transport: "body", refresh: stored.at(-1), onRefresh: (token) => stored.push(token) });
assert.equal((await later.fetch(me)).status, 200);

// axios: the same tokens, the same single refresh.
const axios = createRequire(import.meta.url)("axios");
const api = withTokens(axios.create({ baseURL: server }), later);
took();
assert.equal((await api.get("/api/me")).status, 200);
assert.deepEqual(took(), []);
await expired(await later.token());
const answers = await Promise.all(Array.from({ length: 10 }, () => api.get("/api/me")));
assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
assert.deepEqual(took(), ["/auth/refresh"]);
await assert.rejects(api.post("/api/users", {}), (error) => error.response.status === 403);

// After the logout nothing is refreshed.
await later.logOut();
assert.equal(stored.at(-1), undefined);
await assert.rejects(later.fetch(me), MunjigiError);
await assert.rejects(api.get("/api/me"), { status: 401 });

// An account with a second factor logs in in two steps.
function codeAt(secret, step) {
  const digits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  const key = Buffer.from(digits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + step));
  const tag = createHmac("sha1", key).update(counter).digest();
  const number = tag.readUInt32BE(tag.at(-1) & 0x0f) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

const twoSteps = new Munjigi(server, { transport: "body" });
await twoSteps.logIn({ username, password });
async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await twoSteps.fetch(server + path, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return (await answer.json()).data;
}
const { secret } = await post("/auth/second-factors/totp", {});
const codes = await post("/auth/second-factors/totp/confirm", { code: codeAt(secret, 0) });
await twoSteps.logOut();
for (const [method, code] of [["totp", codeAt(secret, 1)], ["recovery_code", codes.recovery_codes[0]]]) {
  const refusal = await twoSteps.logIn({ username, password }).catch((error) => error);
  assert.equal(refusal.code, "SECOND_FACTOR_REQUIRED");
  assert.deepEqual(refusal.data.methods, ["totp", "recovery_code"]);
  await assert.rejects(twoSteps.secondStep(refusal.data, { method, code: "000000" }), {
    status: 401, code: "INVALID_SECOND_FACTOR",
  });
  await twoSteps.secondStep(refusal.data, { method, code });
  assert.equal((await twoSteps.fetch(me)).status, 200);
}
console.log(JSON.stringify({ stored: stored.length }));
