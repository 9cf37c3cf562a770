// The loop both JavaScript applications share: 32 writers, a sequence number per key, nothing retried here.
module.exports = async ({ set, get, close }) => {
  let stop = false, next = 0;
  const acked = new Map(), errors = {};
  process.stdin.on('end', () => { stop = true; }).resume();
  process.stdout.write('ready\n');
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (!stop) {
      const k = `app:${next % 20000}`, v = `${next++}`;
      try { await set(k, v); const old = acked.get(k); if (old === undefined || +v > +old) acked.set(k, v); }
      catch (e) { errors[e.message] = (errors[e.message] || 0) + 1; await new Promise(r => setTimeout(r, 50)); }
    }
  }));
  const missing = [];
  const keys = acked.entries();
  await Promise.all(Array.from({ length: 32 }, async () => {
    for (const [k, v] of keys) {
      const got = await get(k);
      if (got === null || +got < +v) missing.push(`${k}: acknowledged ${v}, found ${got}`);
    }
  }));
  console.log(JSON.stringify({ acked: acked.size, writes: next, errors, missing: missing.slice(0, 20) }));
  await Promise.race([close(), new Promise(r => setTimeout(r, 2000))]);
  process.exit(0);
};
