"""Restores and verifications: of runs, and of single backups."""

from freezer_api.controllers import base, calls, types
from freezer_api.db.base import Storage
from freezer_api.domain.documents import Body
from freezer_api.schemas import answers, requests
from freezer_api.services import restores, trusts


class Restores:
    """What is below ``/sessions/{session_id}/runs/{session_tag}`` and
    ``/backups/{backup_id}``.
    """

    def __init__(self, storage: Storage, delegation: trusts.Delegation):
        self.storage = storage
        self.delegation = delegation

    @base.expose(
        'sessions:run:restore',
        types.Object(answers.RESTORE_BEGUN, 'Location'),
        types.ID,
        types.TAG,
        body=types.OptionalObject(requests.RESTORE),
        status=202,
        # A dry run makes nothing.
        also={200: types.Object(answers.RESTORE_PLANNED)},
    )
    def restore(
        self, call: calls.Call, session_id: str, session_tag: int, body: Body
    ) -> base.Answer:
        """Restore a run."""
        _check_precondition(call)
        begun = restores.restore(
            self.storage,
            call.caller,
            session_id,
            session_tag,
            body,
            self.delegation,
        )
        return _begun(call, begun)

    @base.expose(
        'sessions:run:verify',
        types.Object(answers.RESTORE_BEGUN, 'Location'),
        types.ID,
        types.TAG,
        body=types.OptionalObject(requests.VERIFICATION),
        status=202,
        also={200: types.Object(answers.RESTORE_PLANNED)},
    )
    def verify(
        self, call: calls.Call, session_id: str, session_tag: int, body: Body
    ) -> base.Answer:
        """Verify a run."""
        _check_precondition(call)
        begun = restores.verify(
            self.storage,
            call.caller,
            session_id,
            session_tag,
            body,
            self.delegation,
        )
        return _begun(call, begun)

    @base.expose(
        'backups:restore',
        types.Object(answers.RESTORE_BEGUN, 'Location'),
        types.ID,
        body=types.OptionalObject(requests.RESTORE),
        status=202,
        also={200: types.Object(answers.RESTORE_PLANNED)},
    )
    def restore_backup(
        self, call: calls.Call, backup_id: str, body: Body
    ) -> base.Answer:
        """Restore a backup."""
        _check_precondition(call)
        begun = restores.restore_backup(
            self.storage, call.caller, backup_id, body, self.delegation
        )
        return _begun(call, begun)


def _check_precondition(call: calls.Call) -> None:
    """Refuse a request on condition of a version: what it makes is new, and
    has none.
    """
    call.precondition.check(None)


def _begun(call: calls.Call, begun: restores.Begun) -> base.Answer:
    """The new session and its plan, or after a dry run the plan alone."""
    if begun.session_id is None:
        return base.Answer({'plan': begun.plan}, code=200)
    # Its first run begins when an agent takes one of the jobs.
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
