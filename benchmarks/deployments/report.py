"""The report of a subject, in Markdown: what a request costs on each of its
deployments.
"""

import collections.abc
import pathlib

from benchmarks.comparison import tables
from benchmarks.comparison.measuring import Measured, Run
from benchmarks.deployments import bars
from benchmarks.deployments.subjects import Subject

_INTRODUCTION = """# {title}

Written by `{command}`. Each deployment of this service has 2 processes of 4
threads, the identity of the callers injected, and a store of its own with the
same {size:,} sessions with three members each, which doesn't wait for its
disk. `wrk` asks all of them in turn, 8 callers at once, each request by a
connection of its own; what 64 do at once is asked by 64 threads. Figures are
medians over {rounds} rounds.

The processor's seconds are for 1,000 requests, or milliseconds for one. What
else the machine does changes them less than requests/s, p50 and p99, which say
little where others use the processors.
"""
_RATIOS = """
How far one is ahead are medians of the ratios of one round, above 1 where
{ahead};
by processor: of the seconds that service and database have taken.
"""
_COUNTED = """
Counted are the statements of a database (a commit isn't one) and the requests
to a cluster, while nobody else asks. SQLite works in the service's own
process. The nodes of Elasticsearch and OpenSearch are small (384 MiB of heap)
and compile each method once and briefly (`-XX:TieredStopAtLevel=1`): those of
a deployment take less of the processor.
"""


def write(subject: Subject, run: Run, folder: pathlib.Path) -> None:
    """Write the report and its plot into a folder."""
    names = list(run.started)
    parts = [_introduction(subject, run), _machine(run)]
    parts += ['## Processor time\n', _summary(run, names)]
    if run.cases:
        name = bars.draw(run.cases, folder)
        parts.append(f'![Processor time]({name})\n')
    if subject.counts:
        parts += ['## Statements and requests\n', _counts(run, names)]
    parts += [_servers(run, names), '## Cases\n']
    for measured in run.cases:
        parts.append(f'### {measured.case}\n')
        parts.append(_table(subject, measured, names))
    (folder / 'README.md').write_text('\n'.join(parts))


def _introduction(subject: Subject, run: Run) -> str:
    rounds, size = set(), 0
    for measured in run.cases:
        size = measured.size
        for figures in measured.rounds.values():
            rounds.add(len(figures))
    text = _INTRODUCTION.format(
        title=subject.title,
        command=run.notes.get('command', ''),
        size=size,
        rounds=' or '.join(map(str, sorted(rounds))),
    )
    usual = _usual(subject, run.started)
    if usual:
        told = [f'{name} is ahead of {its}' for name, its in usual.items()]
        text += _RATIOS.format(ahead=' or '.join(told))
    return text + _COUNTED if subject.counts else text


def _machine(run: Run) -> str:
    rows = [
        (name, told) for name, told in run.notes.items() if name != 'command'
    ]
    return '## Machine and versions\n\n' + tables.rows(('', ''), rows)


def _summary(run: Run, names: collections.abc.Sequence[str]) -> str:
    """Return the table of the processor's milliseconds."""
    rows = []
    for measured in run.cases:
        told = []
        for name in names:
            total = measured.median(name, 'cpu')
            database = measured.median(name, 'database')
            shares = tables.rounded(total), tables.rounded(database)
            told.append('{} ({})'.format(*shares))
        rows.append((measured.case, *told))
    header = ('ms a request (of it the database)', *names)
    return tables.rows(header, rows)


def _counts(run: Run, names: collections.abc.Sequence[str]) -> str:
    rows = []
    for measured in run.cases:
        counts = measured.statements
        told = [f'{counts[name][0]:.1f}' for name in names if name in counts]
        rows.append((measured.case, *told))
    return tables.rows(('for each request', *names), rows)


def _servers(run: Run, names: collections.abc.Sequence[str]) -> str:
    rows = []
    for name in names:
        seconds, cpu = run.started[name]
        memory = []
        for by_name in run.memory.values():
            workers = by_name[name]
            memory.append(f'{sum(workers):.0f}')
        rows.append((name, f'{seconds:.1f}', f'{cpu:.1f}', *memory))
    header = (
        '',
        's to the first answer',
        's of processor',
        *('MiB of all workers' for _size in run.memory),
    )
    return '## Start and memory\n\n' + tables.rows(header, rows)


def _table(
    subject: Subject,
    measured: Measured,
    names: collections.abc.Sequence[str],
) -> str:
    header = (
        '',
        'callers',
        'requests/s',
        'p50 ms',
        'p99 ms',
        'service s/1000',
        'database s/1000',
    )
    usual = _usual(subject, names)
    if usual:
        header += ('ahead by', 'by processor')
    rows = []
    for name in names:
        rate, p50, p99, cpu, database = (
            measured.median(name, figure)
            for figure in ('rate', 'p50', 'p99', 'cpu', 'database')
        )
        figures = (rate, p50, p99, cpu - database, database)
        told = tuple(map(tables.rounded, figures))
        ratios: tuple[str, ...] = ()
        if usual:
            ratios = _ratios(measured, name, usual.get(name))
        rows.append((name, str(measured.callers), *told, *ratios))
    return tables.rows(header, rows)


def _usual(
    subject: Subject, names: collections.abc.Container[str]
) -> dict[str, str]:
    """Return what is measured that an operator would have in the place of a
    deployment, by the deployment's name.
    """
    return {
        each.name: each.usual
        for each in subject.deployments
        if each.name in names and each.usual in names
    }


def _ratios(
    measured: Measured, name: str, usual: str | None
) -> tuple[str, str]:
    """Return how far a deployment is ahead of the usual one."""
    if usual is None:
        return '', ''
    rate, cpu = (
        measured.ratio(usual, figure, name) for figure in ('rate', 'cpu')
    )
    return f'{rate:.2f}×', f'{cpu:.2f}×'
