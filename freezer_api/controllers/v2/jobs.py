"""Jobs."""

import dataclasses
import functools

from freezer_api import exceptions
from freezer_api.controllers import base, calls, types
from freezer_api.db.base import Storage
from freezer_api.domain.documents import Body
from freezer_api.policies import jobs as policies
from freezer_api.services import common, jobs, preflight, trusts

WRITTEN = types.Json('job_version')
#: In place of the body in signatures; there always is one.
NO_BODY: Body = {}


class Jobs(base.Resource):
    """``/jobs`` and all that is below."""

    name = 'job'

    def __init__(
        self,
        storage: Storage,
        max_limit: int,
        implicit_all_projects: bool,
        delegation: trusts.Delegation,
    ):
        super().__init__(storage, max_limit)
        self.implicit_all_projects = implicit_all_projects
        self.delegation = delegation

    def caller(self, call: calls.Call) -> common.Caller:
        """Who reads; the process ids of agents of other projects are for those
        who may list all jobs.
        """
        return dataclasses.replace(
            call.caller,
            all_projects=call.context.may(policies.GET_ALL_PROJECTS),
        )

    @base.expose(
        'jobs:get_all', types.Json('jobs'), *types.LIST, types.text, types.text
    )
    def get_all(
        self,
        call: calls.Call,
        limit: str | None = None,
        offset: str | None = None,
        marker: str | None = None,
        sort: str | None = None,
        search: str | None = None,
        all_projects: str | None = None,
        marker_project: str | None = None,
    ) -> base.Answer:
        """A page of the project's jobs, or of those of all projects; agents
        poll it.
        """
        everywhere = self.everywhere(call, all_projects)
        if marker_project is not None and not (everywhere and marker):
            raise exceptions.InvalidInput(
                'marker_project: goes with a marker in a list of all'
                ' projects.',
                'list.invalid',
            )
        return self.page(
            call,
            functools.partial(jobs.list_page, everywhere=everywhere),
            search,
            {'all_projects': all_projects},
            limit=limit,
            offset=offset,
            marker=marker,
            sort=sort,
            marker_project=marker_project,
        )

    def everywhere(self, call: calls.Call, all_projects: str | None) -> bool:
        """Whether a list has the jobs of all projects; ``Forbidden`` if it was
        asked to and the caller may not.
        """
        if all_projects is None:
            return self.implicit_all_projects and call.context.may(
                policies.GET_ALL_PROJECTS
            )
        if not types.flag('all_projects', all_projects, 'list.invalid'):
            return False
        call.context.can(policies.GET_ALL_PROJECTS)
        return True

    @base.expose(
        'jobs:create',
        types.Json('job_id'),
        types.text,
        body=types.Json('job'),
        status=201,
        also=(200,),
    )
    def create(
        self,
        call: calls.Call,
        dry_run: str | None = None,
        body: Body = NO_BODY,
    ) -> base.Answer:
        """A new job, under the body's id or one of its own; or what agents
        would make of it.
        """
        call.precondition.check(None)
        if types.flag('dry_run', dry_run):
            return base.Answer(
                preflight.check_new(self.storage, call.caller, body), code=200
            )
        return self.created(
            jobs.create(self.storage, call.caller, body, self.delegation)
        )

    @base.expose('jobs:get', types.Json('job'), types.ID)
    def get(self, call: calls.Call, job_id: str) -> base.Answer:
        """A job."""
        return base.shown(jobs.show(self.storage, self.caller(call), job_id))

    @base.expose('jobs:get', types.Json('job_problems'), types.ID)
    def check(self, call: calls.Call, job_id: str) -> base.Answer:
        """What agents would make of a job."""
        return base.Answer(preflight.check(self.storage, call.caller, job_id))

    @base.expose('jobs:update', WRITTEN, types.ID, body=types.Json('job'))
    def update(self, call: calls.Call, job_id: str, body: Body) -> base.Answer:
        """Change a job, or report on it."""
        return self.written(
            jobs.update(
                self.storage,
                call.caller,
                job_id,
                body,
                call.precondition,
                self.delegation,
            )
        )

    @base.expose(
        'jobs:replace', WRITTEN, types.ID, body=types.Json('job'), status=201
    )
    def replace(
        self, call: calls.Call, job_id: str, body: Body
    ) -> base.Answer:
        """Replace a job, or create it under this id."""
        return self.written(
            jobs.replace(
                self.storage,
                call.caller,
                job_id,
                body,
                call.precondition,
                self.delegation,
            )
        )

    @base.expose('jobs:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, job_id: str) -> base.Answer:
        """Delete a job; it leaves its session."""
        jobs.delete(
            self.storage,
            call.caller,
            job_id,
            call.precondition,
            self.delegation,
        )
        return base.Answer()

    @base.expose(
        'jobs:event:create',
        types.Json('job_result'),
        types.ID,
        body=types.Json('job_event'),
        status=202,
    )
    def event(self, call: calls.Call, job_id: str, body: Body) -> base.Answer:
        """Start, stop or abort a job."""
        return base.Answer(
            jobs.event(
                self.storage, call.caller, job_id, body, call.precondition
            )
        )
