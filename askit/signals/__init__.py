"""Shared Signals: what ends here is told to the receivers of the settings, each by its event stream.

    streams      the stream of each receiver, as it is stored
    happened     what has ended or changed, and who may hear of it: the events
    queue        the events that a receiver has not acknowledged yet, in the store
    shares       who caused an event, and so whose share of a queue it uses
    announce     puts an event into the queue of each receiver, before what it tells of is done
    push         posts the events of a queue (RFC 8935); the outbox of `decoupled/due_notices` outlives the process
    event_token  an event as a signed security event token

The endpoints are `endpoints/event_streams` and `endpoints/event_poll`.
"""
