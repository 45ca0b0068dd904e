"""The how-to "Restore a system", run as it stands there with two published agents.

``python -m tests.live.howto`` writes into it what its commands print today; no server is needed.
"""

import contextlib
import pathlib
import re
import socket
import tempfile

from tests.live import agents, keystone_double, programs, readme

PATH = pathlib.Path(__file__).parents[2] / 'doc' / 'source' / 'restoring.rst'
PROJECT = 'demo'
#: The folders of the how-to, which are below one of the test's.
FOLDERS = ('/srv', '/archives', '/restore')
#: What the machine is called there that the agents run on.
HOST = 'north.example.org'
FILES = {'web': ('index.html', 'Tuesday'), 'db': ('accounts', 'Tuesday: 100')}
LATER = {'web': 'Wednesday, broken', 'db': 'Wednesday: -1'}
_PROGRESS = re.compile(r'(\S+) on \S+: ')


def run() -> tuple[list[str], list[str]]:
    """The lines of the how-to as they are, and as today's outputs would have them."""
    lines = PATH.read_text().split('\n')
    found = readme.blocks(lines)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        server = stack.enter_context(programs.standalone(f'{folder}/state'))
        _back_up(stack, server, folder)
        real = {shown: f'{folder}{shown}' for shown in FOLDERS}
        environment = {'OS_AUTH_TYPE': 'none', 'OS_ENDPOINT': f'{server.url}/v2/{PROJECT}'}
        readme.Shell(folder, real, environment).run(found)
    made = list(lines)
    for block in reversed(found):
        block.outputs = [_readable(output) for output in block.outputs]
        made[block.first : block.last] = block.lines()
    return lines, made


def alike(lines: list[str]) -> list[str]:
    """Lines without what differs each time: moments, ids, and how wide a table is for them."""
    moment = re.compile(r'\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d')
    lines = [moment.sub('MOMENT', line) for line in readme.alike(lines)]
    return [re.sub('([-=+ ])[-=+ ]*', r'\1', line).rstrip() for line in lines]


def _back_up(stack: contextlib.ExitStack, server: programs.Server, folder: str) -> None:
    """Run the session ``nightly`` once, on ``north`` and ``south``; then damage the files."""
    project = agents.Project(server.url, PROJECT, '', folder)
    login = stack.enter_context(keystone_double.KeystoneDouble(PROJECT, server.url))
    project.call('POST', 'sessions/nightly', 201, {'schedule': {}, 'hold_off': 120})
    for job_id, client_id in (('web', 'north'), ('db', 'south')):
        project.call('POST', 'clients', 201, {'client_id': client_id, 'hostname': 'announced'})
        name, text = FILES[job_id]
        data = pathlib.Path(folder, 'srv', job_id)
        data.mkdir(parents=True)
        (data / name).write_text(f'{text}\n')
        action = {
            'action': 'backup',
            'mode': 'fs',
            'storage': 'local',
            'engine_name': 'tar',
            'container': f'{folder}/archives',
            'backup_name': job_id,
            'path_to_backup': str(data),
        }
        project.job(job_id, client_id, action)
        project.call('PUT', f'sessions/nightly/jobs/{job_id}', 204)
    for client_id in ('north', 'south'):
        stack.enter_context(agents.Agent(client_id, login, project))
    project.session_when('nightly', session_tag=1, status='completed', result='success')
    for job_id, text in LATER.items():
        pathlib.Path(folder, 'srv', job_id, FILES[job_id][0]).write_text(f'{text}\n')


def _readable(output: list[str]) -> list[str]:
    """An output with the machine's name of the how-to, its tables as wide as their texts, and of
    the progress of each member only the end: how much of it is seen is a matter of moments.
    """
    named = [
        line.replace(f'hostname = {socket.gethostname()}', f'hostname = {HOST}') for line in output
    ]
    told = [line for line in named if _PROGRESS.match(line)]
    ends = sorted({_PROGRESS.match(line)[1]: line for line in told}.values())
    rest = [line for line in named if not _PROGRESS.match(line)]
    return [*ends, *_drawn(rest)]


def _drawn(lines: list[str]) -> list[str]:
    """Lines whose tables are drawn anew."""
    rows = [re.split(r' *\| *', line)[1:-1] for line in lines if line.startswith('|')]
    if not rows:
        return lines
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    border = '+'.join(['', *('-' * (width + 2) for width in wide), ''])
    drawn = []
    for line in lines:
        if line.startswith('+'):
            drawn.append(border)
        elif line.startswith('|'):
            cells = re.split(r' *\| *', line)[1:-1]
            padded = (f' {cell.ljust(width)} ' for cell, width in zip(cells, wide, strict=True))
            drawn.append('|'.join(['', *padded, '']))
        else:
            drawn.append(line)
    return drawn


if __name__ == '__main__':
    PATH.write_text('\n'.join(run()[1]))
