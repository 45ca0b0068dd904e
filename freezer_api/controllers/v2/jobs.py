"""Jobs."""

import dataclasses
import functools

from freezer_api import exceptions
from freezer_api.controllers import base, calls, lists, types
from freezer_api.db.base import Storage
from freezer_api.domain.documents import Body
from freezer_api.policies import jobs as policies
from freezer_api.schemas import answers, parameters, requests
from freezer_api.services import common, jobs, preflight, trusts


@dataclasses.dataclass(frozen=True, slots=True)
class CreateQuery:
    """The parameters of the requests that create a job."""

    dry_run: str | None = types.parameter(parameters.DRY_RUN)


CREATE = types.Parameters(CreateQuery)


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
        """Return who reads. The process ids of agents of other projects are
        for callers who may list all jobs.
        """
        # Not a right that is needed to read: a denial here would refuse every
        # member.
        return dataclasses.replace(
            call.caller,
            all_projects=call.context.may(policies.GET_ALL_PROJECTS),
        )

    @base.expose(
        'jobs:get_all', types.Object(answers.JOBS), query=lists.JOB_LIST
    )
    def get_all(
        self, call: calls.Call, query: lists.JobListQuery
    ) -> base.Answer:
        """Return a page of the project's jobs, or of those of all projects;
        agents poll it.
        """
        everywhere = self.is_everywhere(call, query.all_projects)
        # Ids are unique in a project only, so a marker of another one needs
        # its project; anywhere else the parameter would change nothing.
        is_needed = everywhere and query.marker
        if query.marker_project is not None and not is_needed:
            raise exceptions.InvalidInput(
                'marker_project: can only be given with a marker in a list of'
                ' all projects.',
                'list.invalid',
            )
        list_page = functools.partial(jobs.list_page, everywhere=everywhere)
        return self.page(call, list_page, query)

    def is_everywhere(self, call: calls.Call, asked: str | None) -> bool:
        """Return whether a list has the jobs of all projects; ``asked`` is the
        parameter ``all_projects``.

        ``Forbidden`` if the caller asked for them and may not have them.
        """
        # Older releases listed all projects to whoever was allowed to see them.
        if asked is None:
            if not self.implicit_all_projects:
                return False
            return call.context.may(policies.GET_ALL_PROJECTS)
        if not types.parse_flag('all_projects', asked, 'list.invalid'):
            return False
        call.context.can(policies.GET_ALL_PROJECTS)
        return True

    @base.expose(
        'jobs:create',
        types.Object(answers.JOB_CREATED, 'ETag'),
        query=CREATE,
        body=types.Object(requests.JOB),
        status=201,
        # A dry run creates nothing.
        also={200: types.Object(answers.PROBLEMS)},
    )
    def create(
        self, call: calls.Call, query: CreateQuery, body: Body
    ) -> base.Answer:
        """Create a job, under the body's id or a new one; or only return what
        agents would make of it (``dry_run``).
        """
        # The job doesn't exist yet, so If-Match can't hold.
        call.precondition.check(None)
        if types.parse_flag('dry_run', query.dry_run):
            problems = preflight.check_new(self.storage, call.caller, body)
            return base.Answer(problems, code=200)
        return self.created(
            jobs.create(self.storage, call.caller, body, self.delegation)
        )

    @base.expose('jobs:get', types.Object(answers.JOB, 'ETag'), types.JOB_ID)
    def get(self, call: calls.Call, job_id: str) -> base.Answer:
        """Return a job."""
        return base.shown(jobs.show(self.storage, self.caller(call), job_id))

    @base.expose('jobs:get', types.Object(answers.PROBLEMS), types.JOB_ID)
    def check(self, call: calls.Call, job_id: str) -> base.Answer:
        """Return what agents would make of a job."""
        return base.Answer(preflight.check(self.storage, call.caller, job_id))

    @base.expose(
        'jobs:update',
        types.Object(answers.JOB_WRITTEN, 'ETag'),
        types.JOB_ID,
        body=types.Object(requests.JOB_PATCH),
    )
    def update(self, call: calls.Call, job_id: str, body: Body) -> base.Answer:
        """Change a job, or take an agent's report on it."""
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
        'jobs:replace',
        types.Object(answers.JOB_WRITTEN, 'ETag'),
        types.JOB_ID,
        query=CREATE,
        body=types.Object(requests.JOB_REPLACEMENT),
        status=201,
        # A dry run replaces nothing.
        also={200: types.Object(answers.PROBLEMS)},
    )
    def replace(
        self, call: calls.Call, job_id: str, query: CreateQuery, body: Body
    ) -> base.Answer:
        """Replace a job, or create it under this id; or only return what
        agents would make of it (``dry_run``).
        """
        if types.parse_flag('dry_run', query.dry_run):
            problems = preflight.check_replacement(
                self.storage, call.caller, job_id, body, call.precondition
            )
            return base.Answer(problems, code=200)
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

    @base.expose('jobs:delete', None, types.JOB_ID, status=204)
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
        types.Object(answers.JOB_COMMANDED),
        types.JOB_ID,
        body=types.Object(requests.JOB_EVENT),
        status=202,
    )
    def event(self, call: calls.Call, job_id: str, body: Body) -> base.Answer:
        """Start, stop or abort a job."""
        return base.Answer(
            jobs.event(
                self.storage, call.caller, job_id, body, call.precondition
            )
        )
