#!/usr/bin/env bash
# redis-benchmark against one region: its loads for the offered commands end without an error. Argument: the port.
set -euo pipefail
port=$1
passed=0
failed=0

# runs NAME ARGUMENTS…: a load that must print a rate and no error
runs() {
  local name=$1
  shift
  local told
  if told=$(redis-benchmark -p "$port" -n 2000 -c 16 -r 1000 --csv "$@" 2>&1) \
    && grep -qE '^"[^"]*","[0-9.]+"' <<<"$told" && ! grep -qiE 'error|ERR ' <<<"$told"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "redis-benchmark $name: $told"
  fi
}

for load in ping_inline ping_mbulk set get incr sadd hset spop zadd zpopmin mset; do
  runs "$load" -t "$load"
  runs "$load, pipelined" -t "$load" -P 16
done
runs "own command" hincrby hash:__rand_int__ field 1
runs "large values" -t set,get -d 100000 -n 200
echo "total: $passed passed, $failed failed"
[[ $failed == 0 ]]
