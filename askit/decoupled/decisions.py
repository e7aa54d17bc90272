"""What a user decided on a waiting request: one of many decisions counts, and the next poll is told.

An approval writes the mark of the decision, then the grant, then the record that a poll looks for. If this process dies
in between, the request stays undecided for its client, and expires. Before all that, it is noted that the client is to
be told, so that another process tells it if this one dies (`due_notices`).

Spec: RFC 8628 3.3a, 3.5
Role: AS
"""

from __future__ import annotations

from askit.clients.client import Client
from askit.core import Core
from askit.decoupled.delivery import deliver_grant, deliver_refusal, note_due
from askit.decoupled.waiting import remembered_for
from askit.intents.named import rejecting
from askit.record_store import Step
from askit.records import DecidedRequest, Grant, Owners, Session
from askit.requests.request_uris import OpenedRequest, use_up
from askit.users.granting import automatic_session, make_grant


async def approve(core: Core, opened: OpenedRequest, client: Client, session: Session) -> Grant:
    """Raises what `make_grant` raises: AnsweredBefore if it was decided already."""
    owners = core.owners(client, session.username)

    def keep_grant_id(grant: Grant) -> Step[None]:
        # What was approved in the last moment can still be fetched for as long as a code could be.
        until = max(opened.request.expires_at, core.clock() + core.profile.code_lifetime)
        decided = DecidedRequest(
            client_id=client.client_id,
            grant_id=grant.grant_id,
            expires_at=until,
            grant_version=grant.version,
        )
        lives = remembered_for(core, until)
        return core.records.saving("request-granted", opened.uri, decided, lives, owners)

    await note_due(core, opened, client)
    grant = await make_grant(core, opened, client, session, keep_grant_id)
    await deliver_grant(core, opened, client, grant)
    return grant


async def deny(core: Core, opened: OpenedRequest, client: Client, owners: Owners) -> None:
    """Raises AnsweredBefore if it was decided already."""
    await note_due(core, opened, client)
    await use_up(core, opened, owners, *(await rejecting(core, opened.request, client)))
    await deliver_refusal(core, opened, client)


async def approve_automatically(core: Core, opened: OpenedRequest, client: Client) -> None:
    """Approve at once if the settings have `auto_approve`: no user is asked."""
    if core.config.auto_approve is not None:
        await approve(core, opened, client, automatic_session(core, opened.request))
