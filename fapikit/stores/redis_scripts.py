"""The scripts that run in a Redis or Valkey server. Each does one operation on an entry, or several in their order, and
checks the identity record.

Each script returns (1, number of writes, result). If the identity record is not the expected one, it does nothing and
returns (0, name, writes, forgot_at). `KEYS[1]` is the identity record, `KEYS[2]` the entry. `ARGV[1]` is the expected
name, `ARGV[2]` the smallest expected number of writes.
"""

from __future__ import annotations

import hashlib
from typing import Final


class Script:
    """`sha`: the name of the script in the server, after its first run."""

    __slots__ = ("sha", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_RECORD: Final = """
local record = redis.call('HMGET', KEYS[1], 'name', 'writes', 'forgot_at')
"""
_EXPECTED: Final = f"""{_RECORD}
if record[1] ~= ARGV[1] or (tonumber(record[2]) or -1) < tonumber(ARGV[2]) then
  return {{0, record[1], record[2], record[3]}}
end
local function written(result) return {{1, redis.call('HINCRBY', KEYS[1], 'writes', 1), result}} end
local function unchanged(result) return {{1, record[2], result}} end
"""
# The write comes before its count: a server without memory refuses only the first write of a script.
GET: Final = Script(f"{_EXPECTED}return unchanged(redis.call('GET', KEYS[2]))")
PUT: Final = Script(f"{_EXPECTED}redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])\nreturn written(1)")
TAKE: Final = Script(f"""{_EXPECTED}
local value = redis.call('GETDEL', KEYS[2])
if value then return written(value) end
return unchanged(false)
""")
ADD: Final = Script(f"""{_EXPECTED}
if redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4], 'NX') then return written(1) end
return unchanged(0)
""")
SWAP: Final = Script(f"""{_EXPECTED}
if redis.call('GET', KEYS[2]) ~= ARGV[5] then return unchanged(0) end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return written(1)
""")
# Several operations: the keys after `KEYS[2]` are entries too. ARGV has the name and the arguments of each operation.
# The first `add` or `swap` that does not succeed ends the sequence.
TOGETHER: Final = Script(f"""{_EXPECTED}
local results, at, last, wrote = {{}}, 3, #KEYS - 1, 0
for number = 1, last do
  local key, operation, value, ttl = KEYS[number + 1], ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local result, lost = 1, false
  if operation == 'get' then
    result, at = redis.call('GET', key), at + 1
  elseif operation == 'take' then
    result, at = redis.call('GETDEL', key), at + 1
    if result then wrote = wrote + 1 end
  elseif operation == 'put' then
    redis.call('SET', key, value, 'PX', ttl)
    wrote, at = wrote + 1, at + 3
  elseif operation == 'add' then
    lost, at = not redis.call('SET', key, value, 'PX', ttl, 'NX'), at + 3
  else
    lost, at = redis.call('GET', key) ~= ARGV[at + 3], at + 4
    if not lost then redis.call('SET', key, value, 'PX', ttl) end
  end
  if (operation == 'add' or operation == 'swap') and not lost then wrote = wrote + 1 end
  if lost then
    results[number] = 0
    break
  end
  results[number] = result
end
if wrote == 0 then return unchanged(results) end
return {{1, redis.call('HINCRBY', KEYS[1], 'writes', wrote), results}}
""")
# These two scripts use the record alone, and return the record as it is after them.
MEET: Final = Script(f"""{_RECORD}
if record[1] then return record end
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'writes', 0, 'forgot_at', '-inf')
return {{ARGV[1], 0, '-inf'}}
""")
RENAME: Final = Script(f"""{_RECORD}
if (record[1] or '') ~= ARGV[1] then return record end
redis.call('HSET', KEYS[1], 'name', ARGV[2], 'forgot_at', ARGV[3])
return {{ARGV[2], redis.call('HINCRBY', KEYS[1], 'writes', 0), ARGV[3]}}
""")
