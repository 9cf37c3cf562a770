"""The same application with redis-py's cluster client: writes until standard input ends, then reads back."""
import json
import select
import sys

from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError

c = RedisCluster(startup_nodes=[ClusterNode(sys.argv[1], int(sys.argv[2]))], cluster_error_retry_attempts=20)
acked, errors, n = {}, {}, 0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    key, value = f"py:{n % 20000}", str(n)
    n += 1
    try:
        c.set(key, value)
        acked[key] = value
    except RedisError as e:
        errors[str(e)] = errors.get(str(e), 0) + 1
missing = []
for key, value in acked.items():
    got = c.get(key)
    if got is None or int(got) < int(value):
        missing.append(f"{key}: acknowledged {value}, found {got}")
print(json.dumps({"acked": len(acked), "writes": n, "errors": errors, "missing": missing[:20]}))
