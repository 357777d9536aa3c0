// The two Node clients against one region: connect, every type of record, pipelines, transactions, scans, errors.
// Argument: the port. Prints `total: N passed, N failed`.
import assert from "node:assert/strict";
import Redis from "ioredis";
import { createClient } from "redis";

const port = Number(process.argv[2]);
let passed = 0;
let failed = 0;

async function shows(what, body) {
  try {
    await body();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`${what}: ${error.stack}`);
  }
}

async function ioredis() {
  const client = new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: 1 });
  client.on("error", (error) => console.log(`ioredis: ${error.message}`));
  await client.flushall();
  await shows("ioredis: strings and expiry", async () => {
    assert.equal(await client.set("a", "1", "EX", 100), "OK");
    assert.equal(await client.get("a"), "1");
    assert.equal(await client.ttl("a"), 100);
    assert.equal(await client.get("nothing"), null);
    assert.deepEqual(await client.getBuffer("a"), Buffer.from("1"));
  });
  await shows("ioredis: a hundred increments at once", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.incr("counter")));
    assert.deepEqual(answers, Array.from({ length: 100 }, (_, k) => k + 1));
  });
  await shows("ioredis: hashes, sets, sorted sets", async () => {
    await client.hset("h", { name: "Ada", city: "Paris" });
    assert.deepEqual(await client.hgetall("h"), { name: "Ada", city: "Paris" });
    await client.sadd("s", "x", "y", "x");
    assert.deepEqual((await client.smembers("s")).sort(), ["x", "y"]);
    await client.zadd("z", 2, "two", 1, "one");
    assert.deepEqual(await client.zrange("z", 0, -1, "WITHSCORES"), ["one", "1", "two", "2"]);
  });
  await shows("ioredis: a pipeline and a transaction", async () => {
    assert.deepEqual(await client.pipeline().set("p", "1").incr("p").get("p").exec(), [[null, "OK"], [null, 2], [null, "2"]]);
    assert.deepEqual(await client.multi().incr("p").incr("p").exec(), [[null, 3], [null, 4]]);
  });
  await shows("ioredis: a watched key that changed stops the transaction", async () => {
    const other = client.duplicate();
    await client.watch("p");
    await other.set("p", "9");
    assert.equal(await client.multi().incr("p").exec(), null);
    other.disconnect();
  });
  await shows("ioredis: a scan over everything", async () => {
    const keys = [];
    for await (const some of client.scanStream({ count: 2 })) keys.push(...some);
    assert.deepEqual([...new Set(keys)].sort(), ["a", "counter", "h", "p", "s", "z"]);
  });
  await shows("ioredis: errors are errors", async () => {
    await assert.rejects(client.get("h"), /WRONGTYPE/);
    await assert.rejects(client.lpush("l", "x"), /not offered/);
  });
  client.disconnect();
}

async function nodeRedis(RESP) {
  const name = `node-redis over RESP${RESP}`;
  const client = await createClient({ RESP, socket: { port, host: "127.0.0.1" } })
    .on("error", (error) => console.log(`${name}: ${error.message}`))
    .connect();
  await client.flushAll();
  await shows(`${name}: strings, counters, expiry`, async () => {
    assert.equal(await client.set("a", "1", { expiration: { type: "EX", value: 100 } }), "OK");
    assert.equal(await client.incrBy("a", 4), 5);
    assert.equal(await client.ttl("a"), 100);
    assert.deepEqual(await client.mGet(["a", "nothing"]), ["5", null]);
  });
  await shows(`${name}: hashes, sets, sorted sets`, async () => {
    await client.hSet("h", { name: "Ada", city: "Paris" });
    assert.deepEqual({ ...(await client.hGetAll("h")) }, { name: "Ada", city: "Paris" });
    await client.sAdd("s", ["x", "y"]);
    assert.deepEqual([...(await client.sMembers("s"))].sort(), ["x", "y"]);
    await client.zAdd("z", [{ score: 1.5, value: "one" }]);
    assert.equal(await client.zIncrBy("z", 1, "one"), 2.5);
    assert.deepEqual((await client.zRangeWithScores("z", 0, -1)).map((each) => ({ ...each })), [{ value: "one", score: 2.5 }]);
  });
  await shows(`${name}: a transaction`, async () => {
    assert.deepEqual(await client.multi().set("t", "1").incr("t").get("t").exec(), ["OK", 2, "2"]);
  });
  await shows(`${name}: a scan of a hash`, async () => {
    const found = [];
    for await (const entries of client.hScanIterator("h")) found.push(...entries.map((entry) => entry.field));
    assert.deepEqual(found.sort(), ["city", "name"]);
  });
  await shows(`${name}: errors are errors`, async () => {
    await assert.rejects(client.get("h"), /WRONGTYPE/);
  });
  client.destroy();
}

await ioredis();
await nodeRedis(2);
await nodeRedis(3);
console.log(`total: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
