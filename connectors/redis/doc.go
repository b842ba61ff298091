// Package redis writes streams to Redis.
//
// A batch and the position of its sink are applied by one script, all or nothing, so
// that counters count each record once. Records of a task are applied in their order.
// The position is in a hash
//
//	tidemill:{application/sink:partition}
//
// beside the data. A flushed Redis, or one restored from an old backup, is noticed by
// it: see connectors.OnLoss. A Redis that loses acknowledged writes in a failover loses
// the position together with the data, and is noticed too: with connectors.OnLoss(Rebuild)
// what was lost is written again, once.
//
// The client is the user's own, with its TLS, ACL user, timeouts and sentinels. What its
// library prints goes to the standard error unless the program calls redis.SetLogger,
// which holds for the whole process and is therefore not called here.
//
// A user limited by ACL needs EVALSHA, EVAL, HGET, HSET, HDEL, HLEN, HMGET and HGETALL, the
// keys tidemill:* and what the sink writes. A key that he may not write ends the worker,
// and what was to be written there is when it starts again and he may. In cluster mode a
// script works on one slot, so the sink has to be Tagged.
//
// What passes, such as LOADING, MOVED, a timeout or a Redis that is full, is tried
// again. What a command refuses, such as WRONGTYPE, is the record's own error. Redis
// must not evict keys of sinks: maxmemory-policy noeviction, or a volatile one.
package redis
