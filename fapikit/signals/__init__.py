"""Shared Signals: what a transmitter tells a receiver about sessions, tokens and credentials. Both sides share this.

event_types     the URIs of the events
subjects        whom or what an event is about (RFC 9493)
security_event  one event, verified (RFC 8417)
transmitters    whose events are believed, and its metadata
receiver        an event that came: verified, heard once, acted on; `EventReceiver`
push            events that are posted to us (RFC 8935)
polling         events that we fetch (RFC 8936)
streams         the receiver's side of stream management: `EventStreams`
"""
