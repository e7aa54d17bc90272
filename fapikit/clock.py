"""Time and randomness, handed in: protocol code never reads either by itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since the epoch, UTC."""

RandomBytes = Callable[[int], bytes]
"""That many unpredictable octets."""

system_clock: Clock = time.time
system_random: RandomBytes = os.urandom
