"""Which of redis-py's test files are run, and why the others are not. A file that stands in neither list is an error,
so a new version of redis-py cannot bring tests that nobody looked at."""

RUN = [
    "tests/test_command_parser.py",
    "tests/test_commands.py",
    "tests/test_connection.py",
    "tests/test_connection_pool.py",
    "tests/test_encoding.py",
    "tests/test_hash.py",
    "tests/test_max_connections_error.py",
    "tests/test_multiprocessing.py",
    "tests/test_pipeline.py",
    "tests/test_retry.py",
    "tests/test_asyncio/test_commands.py",
    "tests/test_asyncio/test_connection.py",
    "tests/test_asyncio/test_connection_pool.py",
    "tests/test_asyncio/test_encoding.py",
    "tests/test_asyncio/test_hash.py",
    "tests/test_asyncio/test_pipeline.py",
    "tests/test_asyncio/test_retry.py",
]

CLIENT_ONLY = "looks at the client alone, no server is asked"
CLUSTER = "Redis Cluster and Sentinel are other ways to spread data"
MODULES = "a module of Redis Stack"
SCRIPTS = "needs Lua scripts or functions"
PUBSUB = "needs publish and subscribe, or MONITOR"
TLS = "needs certificates from a container image"
CACHE = "needs CLIENT TRACKING"
CREDENTIALS = "needs ACL users or a cloud's identity service"

NOT_RUN = {
    "tests/test_auth/test_token.py": CLIENT_ONLY,
    "tests/test_auth/test_token_manager.py": CLIENT_ONLY,
    "tests/test_backoff.py": CLIENT_ONLY,
    "tests/test_connect.py": TLS,
    "tests/test_helpers.py": CLIENT_ONLY,
    "tests/test_parsers/test_helpers.py": CLIENT_ONLY,
    "tests/test_utils.py": CLIENT_ONLY,
    "tests/test_asyncio/test_connect.py": TLS,
    "tests/test_asyncio/test_cwe_404.py": "needs a server on 6379",
    "tests/test_asyncio/test_utils.py": CLIENT_ONLY,
    "tests/test_cluster.py": CLUSTER,
    "tests/test_cluster_transaction.py": CLUSTER,
    "tests/test_sentinel.py": CLUSTER,
    "tests/test_sentinel_managed_connection.py": CLUSTER,
    "tests/test_asyncio/test_cluster.py": CLUSTER,
    "tests/test_asyncio/test_cluster_transaction.py": CLUSTER,
    "tests/test_asyncio/test_sentinel.py": CLUSTER,
    "tests/test_asyncio/test_sentinel_managed_connection.py": CLUSTER,
    "tests/test_bloom.py": MODULES,
    "tests/test_json.py": MODULES,
    "tests/test_search.py": MODULES,
    "tests/test_timeseries.py": MODULES,
    "tests/test_vsets.py": MODULES,
    "tests/test_asyncio/test_bloom.py": MODULES,
    "tests/test_asyncio/test_json.py": MODULES,
    "tests/test_asyncio/test_search.py": MODULES,
    "tests/test_asyncio/test_timeseries.py": MODULES,
    "tests/test_asyncio/test_vsets.py": MODULES,
    "tests/test_function.py": SCRIPTS,
    "tests/test_lock.py": SCRIPTS,
    "tests/test_scripting.py": SCRIPTS,
    "tests/test_asyncio/test_lock.py": SCRIPTS,
    "tests/test_asyncio/test_scripting.py": SCRIPTS,
    "tests/test_monitor.py": PUBSUB,
    "tests/test_pubsub.py": PUBSUB,
    "tests/test_asyncio/test_monitor.py": PUBSUB,
    "tests/test_asyncio/test_pubsub.py": PUBSUB,
    "tests/test_ssl.py": TLS,
    "tests/test_asyncio/test_ssl.py": TLS,
    "tests/test_cache.py": CACHE,
    "tests/test_credentials.py": CREDENTIALS,
    "tests/test_asyncio/test_credentials.py": CREDENTIALS,
}
