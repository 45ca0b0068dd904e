"""Sessions, what their jobs report, and their runs."""

import dataclasses
import re

from freezer_api import exceptions
from freezer_api.controllers import base, calls, types
from freezer_api.domain import documents
from freezer_api.domain import search as searches
from freezer_api.domain import sessions as domain
from freezer_api.domain.documents import Body
from freezer_api.policies import jobs
from freezer_api.services import restores, sessions

WRITTEN = types.Json('session_version')


class Sessions(base.Resource):
    """``/sessions`` and all that is below."""

    name = 'session'

    @base.expose('sessions:get_all', types.Json('sessions'), *types.LIST)
    def get_all(
        self,
        call: calls.Call,
        limit: str | None = None,
        offset: str | None = None,
        marker: str | None = None,
        sort: str | None = None,
        search: str | None = None,
    ) -> base.Answer:
        """A page of the project's sessions."""
        return self.page(
            call,
            sessions.list_page,
            search,
            limit=limit,
            offset=offset,
            marker=marker,
            sort=sort,
        )

    @base.expose(
        'sessions:create',
        types.Json('session_id'),
        body=types.Json('session'),
        status=201,
    )
    def create(self, call: calls.Call, body: Body) -> base.Answer:
        """A new session, under an id of its own."""
        call.precondition.check(None)
        return self.created(sessions.create(self.storage, call.caller, body))

    @base.expose('sessions:update', WRITTEN, body=types.Json('session'))
    def update_named(self, call: calls.Call, body: Body) -> base.Answer:
        """Change the session that the body names."""
        session_id = body.get('session_id')
        if not isinstance(session_id, str) or not documents.ID.match(
            session_id
        ):
            raise exceptions.InvalidInput(
                'session_id: is required; it must be the id of a session.'
            )
        return self.update(call, session_id, body)

    @base.expose('sessions:get', types.Json('session'), types.ID)
    def get(self, call: calls.Call, session_id: str) -> base.Answer:
        """A session."""
        return base.shown(sessions.show(self.storage, call.caller, session_id))

    @base.expose(
        'sessions:update', WRITTEN, types.ID, body=types.Json('session')
    )
    def update(
        self, call: calls.Call, session_id: str, body: Body
    ) -> base.Answer:
        """Change a session."""
        return self.written(
            sessions.update(
                self.storage, call.caller, session_id, body, call.precondition
            )
        )

    @base.expose(
        'sessions:replace',
        WRITTEN,
        types.ID,
        body=types.Json('session'),
        status=201,
    )
    def replace(
        self, call: calls.Call, session_id: str, body: Body
    ) -> base.Answer:
        """Replace a session, or create it under this id."""
        return self.written(
            sessions.replace(
                self.storage, call.caller, session_id, body, call.precondition
            )
        )

    @base.expose('sessions:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, session_id: str) -> base.Answer:
        """Delete a session; its jobs leave it."""
        sessions.delete(
            self.storage, call.caller, session_id, call.precondition
        )
        return base.Answer()

    @base.expose('sessions:job:add', None, types.ID, types.ID, status=204)
    def attach(
        self, call: calls.Call, session_id: str, job_id: str
    ) -> base.Answer:
        """Make a job a member."""
        sessions.attach(
            self.storage, call.caller, session_id, job_id, call.precondition
        )
        return base.Answer()

    @base.expose('sessions:job:remove', None, types.ID, types.ID, status=204)
    def detach(
        self, call: calls.Call, session_id: str, job_id: str
    ) -> base.Answer:
        """Take a job out."""
        sessions.detach(
            self.storage, call.caller, session_id, job_id, call.precondition
        )
        return base.Answer()

    @base.expose(
        'sessions:action:create',
        types.Json('session_result'),
        types.ID,
        body=types.Json('session_action'),
        status=202,
    )
    def act(
        self, call: calls.Call, session_id: str, body: Body
    ) -> base.Answer:
        """A job's report that it starts or ends. Schedulers of central clients
        report for jobs of all projects.
        """
        caller = dataclasses.replace(
            call.caller, all_projects=call.context.may(jobs.GET_ALL_PROJECTS)
        )
        return base.Answer(
            sessions.act(
                self.storage, caller, session_id, body, call.precondition
            )
        )

    @base.expose(
        'sessions:run:get_all',
        types.Json('runs'),
        types.ID,
        types.text,
        types.text,
    )
    def runs(
        self,
        call: calls.Call,
        session_id: str,
        limit: str | None = None,
        marker: str | None = None,
    ) -> base.Answer:
        """A page of a session's runs, newest first."""
        most = searches.parse_page(limit, None, None, None, self.max_limit)[
            'limit'
        ]
        found, more = sessions.runs(
            self.storage, call.caller, session_id, most, _tag(marker)
        )
        return base.listed(
            call,
            'runs',
            found,
            found[-1]['session_tag'] if more else None,
            most,
        )

    @base.expose('sessions:run:get', types.Json('run'), types.ID, types.TAG)
    def run(
        self, call: calls.Call, session_id: str, session_tag: int
    ) -> base.Answer:
        """One run."""
        shown = sessions.run(
            self.storage, call.caller, session_id, session_tag
        )
        restored = restores.of_run(
            self.storage, call.caller, session_id, session_tag
        )
        return base.Answer({**shown, **restored})


def _tag(marker: str | None) -> int | None:
    if marker is None:
        return None
    if (
        not re.fullmatch(r'[0-9]{1,10}', marker)
        or int(marker) > domain.MAX_TAG
    ):
        raise exceptions.InvalidInput(
            'marker: is not the tag of a run.', 'list.invalid'
        )
    return int(marker)
