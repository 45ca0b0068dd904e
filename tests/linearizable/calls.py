"""What is sent for an operation of the model, and what the model is told of the answer."""

import collections.abc
import typing

import requests

from tests.linearizable.history import Answer, Asked

CLIENT = 'host'
#: More than a project ever has.
LIMIT = '100'
ACTION = {'freezer_action': {'action': 'backup', 'path_to_backup': '/etc'}}


class Request(typing.NamedTuple):
    """A request of the API, below the path of a project."""

    method: str
    path: str
    body: typing.Any = None


def request(asked: Asked) -> Request:
    """Make the request of an operation."""
    return REQUESTS[asked['name']](asked)


def headers(asked: Asked) -> dict[str, str]:
    """Make the headers: a precondition, if the operation has one."""
    names = {'if_match': 'If-Match', 'if_none_match': 'If-None-Match'}
    return {names[key]: asked[key] for key in names if key in asked}


# What is sent


def _schedule(interval: str) -> dict[str, str]:
    return {'schedule_interval': interval} if interval else {}


def _put_session(asked: Asked) -> Request:
    body = {
        'description': asked['description'],
        'hold_off': asked['hold_off'],
        'schedule': _schedule(asked['schedule']),
    }
    return Request('POST', f'sessions/{asked["session"]}', body)


def _patch_session(asked: Asked) -> Request:
    kept = ('description', 'hold_off', 'session_tag', 'event')
    body = {key: asked[key] for key in kept if key in asked}
    if 'schedule' in asked:
        body['schedule'] = _schedule(asked['schedule'])
    return Request('PATCH', f'sessions/{asked["session"]}', body)


def _list_sessions(asked: Asked) -> Request:
    status = asked.get('status')
    search = {'match': [{'status': status}]} if status else None
    return Request('GET', f'sessions?limit={LIMIT}', search)


def _start(asked: Asked) -> Request:
    body = {'start': {'job_id': asked['job'], 'current_tag': asked['tag']}}
    return Request('POST', f'sessions/{asked["session"]}/action', body)


def _end(asked: Asked) -> Request:
    report = {'job_id': asked['job'], 'result': asked['result']}
    if asked['tag'] is not None:
        report['current_tag'] = asked['tag']
    return Request('POST', f'sessions/{asked["session"]}/action', {'end': report})


def _create_job(asked: Asked) -> Request:
    body = {
        'job_id': asked['job'],
        'client_id': CLIENT,
        'description': asked['description'],
        'job_actions': [ACTION],
    }
    return Request('POST', 'jobs', body)


def _put_job(asked: Asked) -> Request:
    return Request('POST', f'jobs/{asked["job"]}', _create_job(asked).body)


def _get_run(asked: Asked) -> Request:
    return Request('GET', f'sessions/{asked["session"]}/runs/{asked["tag"]}')


def _patch_job(asked: Asked) -> Request:
    return Request('PATCH', f'jobs/{asked["job"]}', {'description': asked['description']})


def _report(asked: Asked) -> Request:
    schedule = {'event': '', 'status': asked['status'], 'result': asked['result']}
    return Request('PATCH', f'jobs/{asked["job"]}', {'job_schedule': schedule})


def _tell(asked: Asked) -> Request:
    return Request('POST', f'jobs/{asked["job"]}/event', {asked['event']: None})


def _list_jobs(asked: Asked) -> Request:
    search: dict[str, list] = {}
    match = [{key: asked[key]} for key in ('session_id', 'description') if key in asked]
    if asked.get('is_poll'):
        match.append({'client_id': CLIENT})
        search['match_not'] = [{'status': 'completed'}]
    if match:
        search['match'] = match
    return Request('GET', f'jobs?limit={LIMIT}', search or None)


def _on_session(method: str, below: str = '') -> collections.abc.Callable[[Asked], Request]:
    return lambda asked: Request(method, f'sessions/{asked["session"]}{below}')


def _on_member(method: str) -> collections.abc.Callable[[Asked], Request]:
    return lambda asked: Request(method, f'sessions/{asked["session"]}/jobs/{asked["job"]}')


def _on_job(method: str) -> collections.abc.Callable[[Asked], Request]:
    return lambda asked: Request(method, f'jobs/{asked["job"]}')


REQUESTS: dict[str, collections.abc.Callable[[Asked], Request]] = {
    'put_session': _put_session,
    'patch_session': _patch_session,
    'delete_session': _on_session('DELETE'),
    'get_session': _on_session('GET'),
    'list_sessions': _list_sessions,
    'list_runs': _on_session('GET', f'/runs?limit={LIMIT}'),
    'get_run': _get_run,
    'attach': _on_member('PUT'),
    'detach': _on_member('DELETE'),
    'start': _start,
    'end': _end,
    'create_job': _create_job,
    'put_job': _put_job,
    'patch_job': _patch_job,
    'report': _report,
    'tell': _tell,
    'delete_job': _on_job('DELETE'),
    'get_job': _on_job('GET'),
    'list_jobs': _list_jobs,
}


# What is told of an answer

Document = dict[str, typing.Any]


def _session(document: Document) -> Document:
    return {
        'description': document['description'],
        'hold_off': document['hold_off'],
        'session_tag': document['session_tag'],
        'schedule': document['schedule'].get('schedule_interval', ''),
        **_run_so_far(document, 'time_start', 'time_end'),
        'jobs': _parts(document['jobs']),
    }


def _run(document: Document) -> Document:
    return {
        'session_tag': document['session_tag'],
        **_run_so_far(document, 'time_start', 'time_end'),
        'jobs': _parts(document['jobs']),
    }


def _parts(jobs: dict[str, Document]) -> Document:
    return {
        job_id: _run_so_far(part, 'time_started', 'time_ended') for job_id, part in jobs.items()
    }


def _run_so_far(document: Document, started: str, ended: str) -> Document:
    return {
        'status': document['status'],
        'result': document['result'],
        'started': document[started] >= 0,
        'ended': document[ended] >= 0,
    }


def _job(document: Document) -> Document:
    schedule = document['job_schedule']
    return {
        'description': document['description'],
        'session_id': document['session_id'],
        'session_tag': document['session_tag'],
        'schedule': schedule.get('schedule_interval', ''),
        'event': schedule['event'],
        'status': schedule['status'],
        'result': schedule['result'],
    }


SHOWN = {'session': _session, 'job': _job}
#: Answers that have a body for the model, by the operation.
TOLD = ('start', 'end', 'tell')


def answer(asked: Asked, response: requests.Response) -> Answer:
    """Tell what the model says something about, of a response that decides the operation."""
    status, name = response.status_code, asked['name']
    found: Answer = {'status': status}
    if status == requests.codes.not_modified:
        return found
    if status >= requests.codes.bad_request:
        if status == requests.codes.bad_request:
            found['body'] = {'code': response.json()['code']}
        return found
    if name in TOLD:
        return {**found, 'body': response.json()}
    if name == 'list_runs':
        return {**found, 'body': [_run(run) for run in response.json()['runs']]}
    if name == 'get_run':
        return {**found, 'body': _run(response.json())}
    kind = name.rpartition('_')[2].rstrip('s')
    if name.startswith('list_'):
        return found | _page(f'{kind}s', response.json()[f'{kind}s'])
    if name.startswith('get_'):
        document = response.json()
        shown = {f'{kind}s/{asked[kind]}': (document['_version'], response.headers['ETag'])}
        return {**found, 'body': SHOWN[kind](document), 'versions': _as_json(shown)}
    if 'ETag' in response.headers:
        kind = 'session' if 'session' in asked else 'job'
        version = response.json().get('version', 1)
        shown = {f'{kind}s/{asked[kind]}': (version, response.headers['ETag'])}
        found['versions'] = _as_json(shown)
    return found


def _page(kind: str, documents: list[Document]) -> Answer:
    singular = kind.rstrip('s')
    ids = [document[f'{singular}_id'] for document in documents]
    if len(set(ids)) != len(ids):
        raise AssertionError(f'a page has a document twice: {ids}')
    body = {id: SHOWN[singular](document) for id, document in zip(ids, documents)}
    shown = {f'{kind}/{id}': (document['_version'], None) for id, document in zip(ids, documents)}
    return {'body': body, 'versions': _as_json(shown)}


def _as_json(shown: dict[str, tuple[int, str | None]]) -> dict[str, list]:
    return {name: list(version) for name, version in shown.items()}
