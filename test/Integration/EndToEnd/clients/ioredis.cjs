// An application as it would be written with ioredis: writes until standard input ends, then reads every acknowledged key back.
//   node ioredis.cjs HOST PORT      prints one JSON line {acked, errors, missing}
const { Cluster } = require('ioredis');
const [host, port] = process.argv.slice(2);
const c = new Cluster([{ host, port: +port }], {
  slotsRefreshTimeout: 5000, clusterRetryStrategy: n => Math.min(50 * n, 500),
  redisOptions: { connectTimeout: 5000, maxRetriesPerRequest: null },
});
require('./writer.cjs')({
  set: (k, v) => c.set(k, v), get: k => c.get(k), close: () => c.quit(),
});
c.on('error', () => {});
