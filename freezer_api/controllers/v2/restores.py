"""Restores and verifications: of runs, and of single backups."""

from freezer_api.controllers import base, calls, types
from freezer_api.db.base import Storage
from freezer_api.domain.documents import Body
from freezer_api.services import restores, trusts

BEGUN = types.Json('restore')


class Restores:
    """What is below ``/sessions/{session_id}/runs/{session_tag}`` and
    ``/backups/{backup_id}``.
    """

    def __init__(self, storage: Storage, delegation: trusts.Delegation):
        self.storage = storage
        self.delegation = delegation

    @base.expose(
        'sessions:run:restore',
        BEGUN,
        types.ID,
        types.TAG,
        status=202,
        also=(200,),
    )
    def restore(
        self, call: calls.Call, session_id: str, session_tag: int
    ) -> base.Answer:
        """Restore a run."""
        body = _body(call)
        return _begun(
            call,
            restores.restore(
                self.storage,
                call.caller,
                session_id,
                session_tag,
                body,
                self.delegation,
            ),
        )

    @base.expose(
        'sessions:run:verify',
        BEGUN,
        types.ID,
        types.TAG,
        status=202,
        also=(200,),
    )
    def verify(
        self, call: calls.Call, session_id: str, session_tag: int
    ) -> base.Answer:
        """Verify a run."""
        body = _body(call)
        return _begun(
            call,
            restores.verify(
                self.storage,
                call.caller,
                session_id,
                session_tag,
                body,
                self.delegation,
            ),
        )

    @base.expose('backups:restore', BEGUN, types.ID, status=202, also=(200,))
    def restore_backup(self, call: calls.Call, backup_id: str) -> base.Answer:
        """Restore a backup."""
        body = _body(call)
        return _begun(
            call,
            restores.restore_backup(
                self.storage, call.caller, backup_id, body, self.delegation
            ),
        )


def _body(call: calls.Call) -> Body:
    """The body, all of which is optional. What the call makes is new, so no
    tag matches it.
    """
    call.precondition.check(None)
    return call.optional_body()


def _begun(call: calls.Call, begun: restores.Begun) -> base.Answer:
    if begun.session_id is None:
        return base.Answer({'plan': begun.plan}, code=200)
    body = {
        'session_id': begun.session_id,
        'session_tag': 0,
        'jobs': begun.jobs,
        'plan': begun.plan,
    }
    location = call.resource(
        f'/v2/{call.caller.project_id}/sessions/{begun.session_id}'
    )
    return base.Answer(body, location=location)
