#!/usr/bin/env bash
# redis-cli against one region: what a person does first, answers as Redis gives them. Argument: the port.
set -euo pipefail
port=$1
passed=0
failed=0

# says COMMAND… => the exact answer as redis-cli prints it for programs, lines joined by spaces
says() {
  local wanted=$1
  shift
  local answer
  answer=$(redis-cli -p "$port" "$@" 2>&1 | tr '\n' ' ' | sed 's/ $//') || true
  if [[ $answer == $wanted ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "redis-cli $*: $answer, expected $wanted"
  fi
}

says OK flushall
says PONG ping
says OK set greeting hello
says hello get greeting
says 1 incr visits
says 42 incrby visits 41
says 2 hset user name Ada city Paris
says "name Ada city Paris" hgetall user
says 3 sadd colours red green blue
says 1 sismember colours red
says 2 zadd scores 1 one 2 two
says "one 1 two 2" zrange scores 0 -1 withscores
says 1 expire greeting 100
says 100 ttl greeting
says string type greeting
says 5 dbsize
says 1 del greeting
says "" get greeting
says "ERR unknown command 'nonsense'*" nonsense
says "ERR command 'lpush' is not offered*" lpush list a
says "ERR wrong number of arguments for 'get' command*" get
says "WRONGTYPE*" get user
# RESP3, a transaction over standard input, and the commands behind redis-cli's own switches.
says "name Ada city Paris" -3 hgetall user
says "OK QUEUED QUEUED 43 44" <<<$'multi\nincr visits\nincr visits\nexec'
says "*redis_version:7*" info server
says "*" command docs get
says "*scores*" --scan --pattern 's*'
says "*Biggest*" --bigkeys
says OK flushall
says 0 dbsize
echo "total: $passed passed, $failed failed"
[[ $failed == 0 ]]
