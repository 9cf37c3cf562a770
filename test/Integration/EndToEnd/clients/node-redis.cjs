// The same application with node-redis.
const { createCluster } = require('redis');
const [host, port] = process.argv.slice(2);
(async () => {
  const c = createCluster({
    rootNodes: [{ url: `redis://${host}:${port}` }], maxCommandRedirections: 64,
    defaults: { socket: { connectTimeout: 5000, reconnectStrategy: n => Math.min(50 * n, 500) } },
  });
  c.on('error', () => {});
  await c.connect();
  require('./writer.cjs')({ set: (k, v) => c.set(k, v), get: k => c.get(k), close: () => c.quit() });
})();
