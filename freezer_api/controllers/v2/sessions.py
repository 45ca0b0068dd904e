"""Sessions, what their jobs report, and their runs."""

import dataclasses

from freezer_api import exceptions
from freezer_api.controllers import base, calls, lists, types
from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.policies import jobs
from freezer_api.schemas import answers, requests
from freezer_api.services import restores, sessions


class Sessions(base.Resource):
    """``/sessions`` and all that is below."""

    name = 'session'

    @base.expose(
        'sessions:get_all', types.Object(answers.SESSIONS), query=lists.LIST
    )
    def get_all(self, call: calls.Call, query: lists.ListQuery) -> base.Answer:
        """Return a page of the project's sessions."""
        return self.page(call, sessions.list_page, query)

    # The id is always a new one: a session_id in the body is ignored.
    @base.expose(
        'sessions:create',
        types.Object(answers.SESSION_CREATED, 'ETag'),
        body=types.Object(requests.SESSION),
        status=201,
    )
    def create(self, call: calls.Call, body: Body) -> base.Answer:
        """Create a session, under a new id."""
        call.precondition.check(None)
        return self.created(sessions.create(self.storage, call.caller, body))

    # The API was ordered with this path, whose session is in the body.
    @base.expose(
        'sessions:update',
        types.Object(answers.SESSION_WRITTEN, 'ETag'),
        body=types.Object(requests.NAMED_SESSION_PATCH),
    )
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

    @base.expose(
        'sessions:get', types.Object(answers.SESSION, 'ETag'), types.ID
    )
    def get(self, call: calls.Call, session_id: str) -> base.Answer:
        """Return a session."""
        return base.shown(sessions.show(self.storage, call.caller, session_id))

    @base.expose(
        'sessions:update',
        types.Object(answers.SESSION_WRITTEN, 'ETag'),
        types.ID,
        body=types.Object(requests.SESSION_PATCH),
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
        types.Object(answers.SESSION_WRITTEN, 'ETag'),
        types.ID,
        body=types.Object(requests.SESSION),
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

    # 204 also where nothing is deleted: a client that repeats a request, or
    # asks for what another project has, sees no difference.
    @base.expose('sessions:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, session_id: str) -> base.Answer:
        """Delete a session; its jobs leave it."""
        sessions.delete(
            self.storage, call.caller, session_id, call.precondition
        )
        return base.Answer()

    @base.expose('sessions:job:add', None, types.ID, types.JOB_ID, status=204)
    def attach(
        self, call: calls.Call, session_id: str, job_id: str
    ) -> base.Answer:
        """Attach a job: it becomes a member."""
        sessions.attach(
            self.storage, call.caller, session_id, job_id, call.precondition
        )
        return base.Answer()

    @base.expose(
        'sessions:job:remove', None, types.ID, types.JOB_ID, status=204
    )
    def detach(
        self, call: calls.Call, session_id: str, job_id: str
    ) -> base.Answer:
        """Detach a job: it is no longer a member."""
        sessions.detach(
            self.storage, call.caller, session_id, job_id, call.precondition
        )
        return base.Answer()

    @base.expose(
        'sessions:action:create',
        types.Object(answers.SESSION_REPORTED),
        types.ID,
        body=types.Object(requests.SESSION_ACTION),
        status=202,
    )
    def act(
        self, call: calls.Call, session_id: str, body: Body
    ) -> base.Answer:
        """Take a job's report that it starts or ends. Schedulers of central
        clients report for jobs of all projects.
        """
        # A central scheduler has the sessions of its jobs in other projects.
        # The service looks there only for callers who may list their jobs.
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
        types.Object(answers.RUNS),
        types.ID,
        query=lists.RUN_LIST,
    )
    def runs(
        self, call: calls.Call, session_id: str, query: lists.RunListQuery
    ) -> base.Answer:
        """Return a page of a session's runs, newest first."""
        # No offset: a new run would move all earlier ones by one. Tags stay.
        limit = query.page_limit(self.max_limit)
        found, has_more = sessions.runs(
            self.storage, call.caller, session_id, limit, query.tag()
        )
        if not has_more:
            return base.listed('runs', found)
        link = call.link(limit=limit, marker=found[-1]['session_tag'])
        return base.listed('runs', found, link)

    @base.expose(
        'sessions:run:get',
        types.Object(answers.RUN_WITH_BACKUPS),
        types.ID,
        types.TAG,
    )
    def run(
        self, call: calls.Call, session_id: str, session_tag: int
    ) -> base.Answer:
        """Return one run, with its backups."""
        run = sessions.run(self.storage, call.caller, session_id, session_tag)
        restored = restores.of_run(self.storage, call.caller, session_id, run)
        return base.Answer({**run, **restored})
