"""What is run inside a Redis or Valkey server: each operation on one entry, together with the look at the identity.

Each script answers (1, writes counted so far, result), or (0, name, writes, forgot_at) where the record of identity is
not the one that was expected: then nothing has been done. `KEYS[1]` is that record, `KEYS[2]` the entry; `ARGV[1]` is
the name that is expected, `ARGV[2]` the least number of writes.
"""

from __future__ import annotations

import hashlib
from typing import Final


class Script:
    """`sha`: under which the server knows it, once it has run."""

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
# What is written comes before it is counted: a server without memory refuses the first write of a script only.
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
# These two have the record alone, and answer with what it is afterwards.
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
