"""What is asked of each contestant, and by how much this service is meant to
be ahead.
"""

import collections.abc
import dataclasses
import json
import typing

from benchmarks.comparison import data
from benchmarks.comparison.contestants import LIMIT, OURS, PUBLISHED

#: Documents of a page in the middle of a list.
PAGE = 100
BOTH = (OURS, PUBLISHED)
TWO_FIELDS = {'match': [{'hold_off': 36}, {'schedule_interval': '7 days'}]}
NESTED = {'match': [{'client_id': 'p1_host7'}]}
EVERYWHERE = {'match': [{'_all': 'p1_host7'}]}
PENDING = {
    'match_not': [{'status': 'completed'}],
    'match': [{'client_id': data.CLIENT}],
}
#: Writes a request for each call: with ``n``, a number at random below a
#: bound, and ``i``, which counts.
_SCRIPT = """
local i = 0
local seeded = false
local headers = {{}}
headers["Content-Type"] = "application/json"
headers["Accept"] = "application/json"
headers["Connection"] = "close"
local choices = {choices}
function request()
  if not seeded then
    math.randomseed({seed})
    seeded = true
  end
  i = i + 1
  local n = math.random(0, {bound} - 1)
  local one = choices[n % {count} + 1]
  return wrk.format("{method}", {path}, headers, {body})
end
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read
    + errors.write + errors.timeout
  io.write(string.format(
    "\\nRESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency.mean, latency:percentile(50), latency:percentile(99), failed))
end
"""
#: Keeps the last answer in a file, so that it can be looked at.
_KEEP = """
function response(status, headers, body)
  local file = io.open("{file}", "w")
  file:write(status, "\\n", body)
  file:close()
end
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """Requests of one kind.

    ``path`` and ``body`` are Lua expressions, see :data:`_SCRIPT`, the path
    with names in braces that :func:`script` fills in. ``prefix`` is what the
    session ids begin with that the published service has in a project, where
    they are unique over all.
    """

    name: str
    method: str
    path: str
    body: str = 'nil'
    #: How many times the published service's throughput is asked for.
    budget: float | None = None
    #: Among how many sessions; None: in every size.
    budget_size: int | None = None
    contestants: tuple[str, ...] = BOTH
    #: Whether all have to list as many documents.
    is_list: bool = False
    project: str = data.MASS
    #: Whether the project has sessions whose number doesn't grow.
    few: bool = False
    #: Its cost must not grow with the number of sessions.
    is_flat: bool = False


def _quoted(value: typing.Any) -> str:
    return f'[==[{json.dumps(value)}]==]'


_ID = '"/v2/{project}/sessions/" .. "{prefix}"'
_NUMBERED = _ID + ' .. string.format("%0{digits}x", n)'
_NEW = _quoted(
    {
        'description': 'x',
        'hold_off': 40,
        'schedule': {'schedule_interval': '7 days'},
    }
)
_PATCH = (
    '[==[{"description": "]==] .. string.format("%d.%d", i, n) .. [==[",'
    ' "schedule": {"schedule_interval": "7 days"}}]==]'
)
_REPORT = (
    '[==[{"session_id": "", "session_tag": 0, "job_schedule": {"status":'
    ' "running", "event": "", "result": "", "current_pid": 77,'
    ' "time_started": ]==] .. string.format("%d", 1700000000 + i) .. [==[}}]==]'
)


def _list(name: str, query: str, **more: typing.Any) -> Case:
    return Case(
        name,
        'GET',
        f'"/v2/{data.MASS}/sessions?{query}"',
        is_list=True,
        **more,
    )


CASES = (
    Case('get, no members', 'GET', _NUMBERED, project=data.EMPTY, few=True),
    Case(
        'get, 3 members',
        'GET',
        _NUMBERED,
        budget=2.5,
        contestants=(OURS, PUBLISHED, LIMIT),
    ),
    Case('get, 64 members', 'GET', _NUMBERED, project=data.LARGE, few=True),
    _list('list of 10', 'limit=10', budget=2.5, is_flat=True),
    _list('list of 100', 'limit=100', budget=4, is_flat=True),
    _list('list of 1000', 'limit=1000', is_flat=True),
    _list(
        'list of 100 behind a marker',
        'limit=100&marker={marker}',
        contestants=(OURS,),
        is_flat=True,
    ),
    _list(
        'list of 100 in the middle',
        'limit=100&offset={half}',
        budget=5,
        budget_size=100_000,
    ),
    _list(
        'search of two fields',
        'limit=10',
        body=_quoted(TWO_FIELDS),
        budget=1000,
        budget_size=100_000,
        is_flat=True,
    ),
    _list(
        'search of a nested key',
        'limit=10',
        body=_quoted(NESTED),
        is_flat=True,
    ),
    _list(
        'search of _all', 'limit=10', body=_quoted(EVERYWHERE), is_flat=True
    ),
    Case(
        'poll: 10 of 120 jobs',
        'GET',
        f'"/v2/{data.JOBS}/jobs?all_projects=False&limit=10&offset=" .. (i % 12) * 10',
        _quoted(PENDING),
        is_list=True,
        project=data.JOBS,
    ),
    Case(
        'report of an agent',
        'PATCH',
        f'"/v2/{data.JOBS}/jobs/" .. one',
        _REPORT,
        project=data.JOBS,
    ),
    Case(
        'patch of one session',
        'PATCH',
        f'"/v2/{data.JOBS}/sessions/{{session}}"',
        _PATCH,
        project=data.JOBS,
    ),
    Case('patch of different sessions', 'PATCH', _NUMBERED, _PATCH, budget=2),
    Case(
        'create',
        'POST',
        f'"/v2/{data.CREATED}/sessions"',
        _NEW,
        budget=2.5,
        project=data.CREATED,
    ),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """At whom, and among what, a case is asked."""

    name: str
    size: int
    jobs: data.Jobs | None


def _path(case: Case, place: Place) -> str:
    """Return the path of a case, with what is in braces filled in."""
    is_published = place.name == PUBLISHED
    prefix = ''
    if is_published and case.project != data.MASS:
        prefix = case.project
    half = place.size // 2
    # Behind the middle there has to be a page.
    offset = half if half + PAGE <= place.size else 0
    values = {
        'project': case.project,
        'prefix': prefix,
        # What the prefix leaves of the digits of an id.
        'digits': 32 - len(prefix),
        'half': offset,
        'marker': f'{half:032x}',
        'session': '' if place.jobs is None else place.jobs.session,
    }
    path = case.path
    for name, value in values.items():
        path = path.replace(f'{{{name}}}', str(value))
    return path


def script(case: Case, place: Place, seed: int, file: str = '') -> str:
    """Return the Lua script by which ``wrk`` makes the requests; it keeps the
    last answer in ``file``.
    """
    bound = data.FEW if case.few else place.size
    if LIMIT in case.contestants:
        # It has no more than these.
        bound = min(bound, data.ANSWERS)
    choices: collections.abc.Sequence[str] = ['']
    if place.jobs is not None:
        choices = place.jobs.polled
    quoted = ', '.join(f'"{choice}"' for choice in choices)
    written = _SCRIPT.format(
        choices=f'{{{quoted}}}',
        count=len(choices),
        seed=seed,
        bound=bound,
        method=case.method,
        path=_path(case, place),
        body=case.body,
    )
    if file:
        written += _KEEP.format(file=file)
    return written
