"""The types of clock and randomness. Protocol code gets both as arguments, and never reads them by itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since the epoch, UTC."""

RandomBytes = Callable[[int], bytes]
"""Returns the given number of unpredictable octets."""

system_clock: Clock = time.time
system_random: RandomBytes = os.urandom
