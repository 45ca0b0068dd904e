"""python-freezerclient's library, called as another process tells it; run by the interpreter that
the library is installed for.

Each line of the input is a JSON object, answered by a line: ``{"make": HOW, "args": […], "named":
{…}}`` makes a client, and is answered what managers it has; the first one is the client 0.
``{"client": NUMBER, "read": ATTRIBUTE}`` reads of one, ``{"client": NUMBER, "on": MANAGER, "call":
METHOD, "args": […], "named": {…}}`` calls. The answer is ``{"returned": …, "args": […]}``, with the
arguments as the call left them, or ``{"raised": …, "said": …, "status": …}``.
"""

import inspect
import json
import sys

from freezerclient import client as versioned
from freezerclient import utils
from freezerclient.v2 import client
from freezerclient.v2.managers import base
from keystoneauth1 import noauth, session, token_endpoint


def with_session(url: str, project_id: str, token: str) -> client.Client:
    """The client of callers that have an address already, and a token or no need of one."""
    address = f'{url}/v2/{project_id}'
    auth = token_endpoint.Token(address, token) if token else noauth.NoAuth(endpoint=address)
    return client.Client(session=session.Session(auth=auth), endpoint=url, project_id=project_id)


def with_options(**named: str) -> client.Client:
    """The client of callers that have their options in a namespace, as command lines do."""
    return client.Client(opts=utils.Namespace(named))


MAKERS = {
    'session': with_session,
    'options': with_options,
    'v2': client.Client,
    'versioned': versioned.Client,
}


def managers(api: client.Client) -> dict[str, dict[str, list[str]]]:
    """The managers of a client by name, the public methods of each, and their parameters."""
    return {
        name: {
            method: [
                parameter.name
                for parameter in inspect.signature(function).parameters.values()
                if parameter.kind == parameter.POSITIONAL_OR_KEYWORD
            ][1:]
            for method, function in inspect.getmembers(type(manager), inspect.isfunction)
            if not method.startswith('_')
        }
        for name, manager in vars(api).items()
        if isinstance(manager, base.BaseManager)
    }


def done(clients: list[client.Client], line: dict, args: list, named: dict) -> object:
    """What a line asks for; a client that it makes is added to the others."""
    if 'make' in line:
        clients.append(MAKERS[line['make']](*args, **named))
        return managers(clients[-1])
    api = clients[line['client']]
    if 'read' in line:
        return getattr(api, line['read'])
    return getattr(getattr(api, line['on']), line['call'])(*args, **named)


def answer(clients: list[client.Client], line: dict) -> dict:
    """What a line is answered."""
    args, named = line.get('args', []), line.get('named', {})
    try:
        return {'returned': done(clients, line, args, named), 'args': args}
    except Exception as error:
        return {
            'raised': type(error).__name__,
            'said': str(error),
            'status': getattr(error, 'status_code', None),
        }


if __name__ == '__main__':
    made: list[client.Client] = []
    for line in sys.stdin:
        print(json.dumps(answer(made, json.loads(line))), flush=True)
