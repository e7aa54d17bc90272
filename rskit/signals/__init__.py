"""Shared Signals at an API: what a transmitter says about sessions, tokens and credentials ends tokens here.

revocations     what an event means for tokens: `revocations_of`
revocation_log  what was revoked, in the store, for all processes and for those that start later
receiver        `SignalReceiver`: takes events, keeps them, feeds the denylist of this process
"""

from rskit.signals.receiver import SignalReceiver

__all__ = ["SignalReceiver"]
