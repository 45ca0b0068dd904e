"""The session flow by python-freezerclient's library; run by the interpreter that the library is installed for.

Arguments: the API's address, the project's id, and a token (nothing: none is needed). Each step prints what it found, as
one JSON object a line, for the test that started it.
"""

import json
import sys

from freezerclient.v2 import client
from keystoneauth1 import noauth, session, token_endpoint

JOB = {'description': 'etc', 'job_actions': [{'freezer_action': {'action': 'backup', 'mode': 'fs', 'path_to_backup': '/etc'}}]}


def connect(url: str, project_id: str, token: str) -> client.Client:
    """The library's client, as its callers make it."""
    address = f'{url}/v2/{project_id}'
    auth = token_endpoint.Token(address, token) if token else noauth.NoAuth(endpoint=address)
    return client.Client(session=session.Session(auth=auth), endpoint=url, project_id=project_id)


def steps(api: client.Client):
    """The flow: what each step is called, and what it found."""
    yield 'client', api.clients.create({'client_id': 'host', 'hostname': 'host', 'description': 'a machine'})
    yield 'job', api.jobs.create({**JOB, 'client_id': 'host', 'job_id': 'nightly'})
    session_id = api.sessions.create({'description': 'all of it', 'schedule': {'schedule_interval': '1 days'}, 'hold_off': 60})
    yield 'session', session_id
    yield 'add', api.sessions.add_job(session_id, 'nightly')
    yield 'start', api.sessions.start_session(session_id, 'nightly', 0)
    yield 'running', api.sessions.get(session_id)
    yield 'end', api.sessions.end_session(session_id, 'nightly', 1, 'success')
    yield 'ended', api.sessions.get(session_id)
    yield 'found', api.sessions.list(search={'match': [{'description': 'all of it'}]})
    yield 'poll', api.jobs.list(client_id='host', search={'match_not': [{'status': 'completed'}]})
    yield 'update', api.sessions.update(session_id, {'description': 'some of it'})
    yield 'remove', api.sessions.remove_job(session_id, 'nightly')
    yield 'member', api.jobs.get('nightly')
    yield 'deleted', [api.sessions.delete(session_id), api.jobs.delete('nightly'), api.clients.delete('host')]
    yield 'gone', [api.sessions.get(session_id), api.jobs.get('nightly'), api.clients.get('host')]


if __name__ == '__main__':
    for name, found in steps(connect(sys.argv[1], sys.argv[2], sys.argv[3])):
        print(json.dumps({'step': name, 'found': found}), flush=True)
