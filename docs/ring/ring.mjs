// Which HMAC keys of a tenant are live and which one signs: ../ring.md in JavaScript.
//
//     node ring.mjs vectors.json        runs the test vectors
//
// It needs Node.js 20 and nothing else. Where ring.md numbers a line, the comment here
// has the same number. Instants are BigInts: microseconds since 1970, which a Number
// holds up to the year 2255 only.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const maxLive = 8;
const foreignGrace = 24n * 3600n * 1_000_000n;

// Failure is why there is no ring. Its reason is "malformed", "wrong_tenant",
// "suspended" or "no_key"; its text never quotes the document.
export class Failure extends Error {
  constructor(reason, detail = reason) {
    super(detail);
    this.reason = reason;
  }
}

function refuse(detail) {
  throw new Failure("malformed", detail);
}

// decode reads a version {id, created, document}: lines 2 and 3.
function decode(version) {
  let document;
  try {
    document = JSON.parse(version.document);
  } catch {
    refuse("it is not JSON");
  }
  if (!isObject(document)) refuse("it is not an object");
  if (!isVersion1(has(document, "version") ? document.version : "")) refuse("its version is not 1.x");
  required(document, "created_at");
  const state = has(document, "state") ? text(document, "state") : "active";
  if (state !== "active" && state !== "suspended") refuse("its state is unknown");
  const keys = [decodeKey(document)];
  keys[0].kid ||= version.id;
  for (const entry of array(document, "previous")) {
    if (!isObject(entry)) refuse("a previous key is not an object");
    const key = decodeKey(entry);
    if (!key.kid) refuse("a previous key has no kid");
    keys.push(key);
  }
  for (const key of keys) key.written = key.kid; // line 6 may change kid
  const revoked = array(document, "revoked");
  if (!revoked.every((kid) => typeof kid === "string" && kid !== "")) refuse("a revoked kid is not one");
  return {
    tenant: required(document, "tenant_id"), base: text(document, "base"),
    keys, revoked, suspended: state === "suspended",
  };
}

// The number 1, as Terraform's jsonencode writes 1.0, is "1.0".
const isVersion1 = (version) => version === 1 || (typeof version === "string" && /^1\.[0-9]{1,9}$/.test(version));

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const has = (members, name) => Object.hasOwn(members, name);

function text(members, name) {
  if (!has(members, name)) return "";
  if (typeof members[name] !== "string") refuse(`${name} is not a string`);
  return members[name];
}

function required(members, name) {
  return text(members, name) || refuse(`${name} is missing`);
}

function array(members, name) {
  if (!has(members, name)) return [];
  return Array.isArray(members[name]) ? members[name] : refuse(`${name} is not an array`);
}

function decodeKey(members) {
  const encoding = has(members, "encoding") ? required(members, "encoding") : "";
  const secret = decodeSecret(required(members, "shared_secret"), encoding);
  if (secret.length < 16 || secret.length > 128) refuse("a key has 16 to 128 bytes");
  instant(members, "created_at");
  return {
    secret, bytes: secret.toString("hex"), kid: text(members, "kid"),
    signAfter: instant(members, "sign_after"), notAfter: instant(members, "not_after"),
  };
}

// decodeSecret refuses what the encoding would not have written, but for absent
// padding: Buffer.from skips whatever it does not know.
function decodeSecret(secret, encoding) {
  if (encoding === "") return secret.isWellFormed() ? Buffer.from(secret, "utf8") : refuse("a key is not UTF-8");
  const start = encoding === "whsec" ? "whsec_" : "";
  let key, forms;
  if (encoding === "hex") {
    key = Buffer.from(secret, "hex");
    forms = [key.toString("hex")];
  } else if (encoding === "base64" || encoding === "base64url" || encoding === "whsec") {
    if (!secret.startsWith(start)) refuse("a key is not in its encoding");
    key = Buffer.from(secret.slice(start.length), "base64"); // of either alphabet
    let padded = key.toString("base64");
    if (encoding === "base64url") padded = padded.replaceAll("+", "-").replaceAll("/", "_");
    forms = [start + padded, start + padded.replace(/=+$/, "")];
  }
  return forms?.includes(secret) ? key : refuse("a key is not in its encoding");
}

function instant(members, name) {
  return has(members, name) ? parseInstant(required(members, name)) : undefined;
}

// parseInstant reads an RFC 3339 time; without a zone it is UTC. It is cut to
// microseconds.
export function parseInstant(written) {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))?$/.exec(written);
  if (!parts) refuse("a time is not RFC 3339");
  const [, seconds, fraction = "", sign, hours, minutes] = parts;
  const milliseconds = Date.parse(`${seconds}Z`); // takes 30 February for 2 March
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(seconds)) refuse("a time is none");
  let at = BigInt(milliseconds) * 1000n + BigInt(`${fraction}000000`.slice(0, 6));
  if (sign) at += (sign === "-" ? 60_000_000n : -60_000_000n) * (60n * BigInt(hours) + BigInt(minutes));
  if (at < firstInstant || at >= endOfInstants) refuse("a time is outside the years 1 to 9999");
  return at;
}

const firstInstant = BigInt(Date.parse("0001-01-01T00:00:00Z")) * 1000n;
const endOfInstants = BigInt(Date.UTC(10000, 0)) * 1000n;

// ring returns the keys in the order in which they are tried, those to come and those
// that have ended among them. previous is the version labelled AWSPREVIOUS, or null.
export function ring(tenant, current, previous, lastChanged) {
  const document = decode(current); // line 2
  if (document.tenant !== tenant) throw new Failure("wrong_tenant"); // line 3
  if (document.suspended) throw new Failure("suspended");
  const revoked = new Set(document.revoked);
  let foreign = [];
  if (previous && previous.id !== current.id && previous.id !== document.base) { // line 4
    const before = decodeIfPossible(previous);
    for (const kid of before?.revoked ?? []) revoked.add(kid);
    if (before?.tenant === tenant) foreign = before.keys;
  }
  for (const key of foreign) {
    const end = (lastChanged ?? current.created) + foreignGrace; // line 5
    if (key.notAfter === undefined || end < key.notAfter) key.notAfter = end;
    document.keys.forEach((own, i) => { // line 6
      if (own.written !== key.written || own.bytes === key.bytes) return;
      if (key.written !== previous.id) key.kid = previous.id;
      else if (i === 0) own.kid = current.id;
    });
  }
  const keys = [...document.keys, ...foreign];
  const dropped = new Set();
  for (const key of keys) { // line 7
    if (revoked.has(key.kid) || revoked.has(key.written)) dropped.add(key.bytes);
  }
  return keys.filter((key) => { // line 8
    if (dropped.has(key.bytes)) return false;
    dropped.add(key.bytes);
    return true;
  });
}

function decodeIfPossible(version) {
  try {
    return decode(version);
  } catch (e) {
    if (e instanceof Failure) return undefined;
    throw e;
  }
}

export function liveKeys(keys, at) { // lines 9 and 10
  const live = keys.filter((key) => key.notAfter === undefined || at < key.notAfter).slice(0, maxLive);
  if (live.length === 0) throw new Failure("no_key");
  return live;
}

export function signingKey(live, at) { // line 11
  return live.find((key) => key.signAfter === undefined || key.signAfter <= at);
}

export function mac(key, message) {
  return createHmac("sha256", key.secret).update(message).digest();
}

export function verify(live, message, tag) { // line 13
  let equal = false;
  for (const key of live) {
    const sum = mac(key, message);
    if (tag.length === sum.length && timingSafeEqual(sum, tag)) equal = true; // all are tried
  }
  return equal;
}

// The vectors.

function version(of) {
  return of && { id: of.id, created: parseInstant(of.created), document: of.document };
}

function answer(vector, message) {
  const at = parseInstant(vector.at);
  const changed = vector.last_changed === null ? undefined : parseInstant(vector.last_changed);
  let live;
  try {
    live = liveKeys(ring(vector.tenant, version(vector.current), version(vector.previous), changed), at);
  } catch (e) {
    if (!(e instanceof Failure)) throw e;
    return { failure: e.reason, live: [], signing: null };
  }
  if (!live.every((key) => verify(live, message, mac(key, message))) || verify(live, message, Buffer.alloc(32))) {
    throw new Error("verify does not agree with mac");
  }
  return {
    failure: null,
    live: live.map((key) => ({ kid: key.kid, hmac: mac(key, message).toString("hex") })),
    signing: signingKey(live, at)?.kid ?? null,
  };
}

function main(path) {
  const { message, vectors } = JSON.parse(readFileSync(path, "utf8"));
  let differ = 0;
  for (const vector of vectors) {
    const got = answer(vector, Buffer.from(message, "utf8"));
    for (const member of ["failure", "live", "signing"]) {
      const [is, want] = [JSON.stringify(got[member]), JSON.stringify(liveOnly(vector[member]))];
      if (is === want) continue;
      console.error(`${vector.name}: ${member} is ${is}, want ${want}`);
      differ = 1;
    }
  }
  if (vectors.length === 0) {
    console.error("no vectors");
    return 1;
  }
  if (!differ) console.log(`${vectors.length} vectors hold`);
  return differ;
}

// liveOnly orders the members of live keys, for a comparison as text.
function liveOnly(member) {
  return Array.isArray(member) ? member.map(({ kid, hmac }) => ({ kid, hmac })) : member;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = main(process.argv[2]);
}
