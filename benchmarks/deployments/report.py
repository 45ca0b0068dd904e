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
connection of its own; what 64 do at once is sent by one thread. Figures are
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
    parts = [
        _introduction(subject, run),
        _machine(run),
        '## Processor time\n',
        _summary(run, names),
    ]
    if run.cases:
        name = bars.draw(run.cases, folder)
        parts.append(f'![Processor time]({name})\n')
    if subject.counts:
        parts.append('## Statements and requests\n')
        parts.append(_counts(run, names))
    parts.append(_servers(run, names))
    parts.append('## Cases\n')
    # The same in full, with times by the clock.
    for measured in run.cases:
        parts.append(f'### {measured.case}\n')
        parts.append(_table(subject, measured, names))

    file = folder / 'README.md'
    file.write_text('\n'.join(parts))


def _introduction(subject: Subject, run: Run) -> str:
    size = run.cases[0].size if run.cases else 0
    text = _INTRODUCTION.format(
        title=subject.title,
        command=run.notes.get('command', ''),
        size=size,
        rounds=run.rounds,
    )
    # Only of what was measured: what isn't installed is missing.
    usual = _usual(subject, run.started)
    told = [f'{name} is ahead of {its}' for name, its in usual.items()]
    if told:
        ahead = ' or '.join(told)
        text += _RATIOS.format(ahead=ahead)
    if subject.counts:
        text += _COUNTED
    return text


def _machine(run: Run) -> str:
    notes = dict(run.notes)
    # The introduction has told it.
    notes.pop('command', None)
    table = tables.rows(('', ''), notes.items())
    return f'## Machine and versions\n\n{table}'


def _summary(run: Run, names: collections.abc.Sequence[str]) -> str:
    """Return the table of the processor's milliseconds."""
    rows = []
    for measured in run.cases:
        told = []
        for name in names:
            cpu = measured.median(name, 'cpu')
            database = measured.median(name, 'database')
            total = tables.rounded(cpu)
            share = tables.rounded(database)
            told.append(f'{total} ({share})')
        rows.append((measured.case, *told))
    header = ('ms a request (of it the database)', *names)
    return tables.rows(header, rows)


def _counts(run: Run, names: collections.abc.Sequence[str]) -> str:
    rows = []
    for measured in run.cases:
        told = []
        for name in names:
            if name in measured.statements:
                # Here it isn't what MariaDB counts, see counting.
                (count,) = measured.statements[name]
                told.append(f'{count:.1f}')
        rows.append((measured.case, *told))
    header = ('for each request', *names)
    return tables.rows(header, rows)


def _servers(run: Run, names: collections.abc.Sequence[str]) -> str:
    rows = []
    for name in names:
        seconds, cpu = run.started[name]
        memory = []
        for by_name in run.memory.values():
            # How many they are is the server's to decide.
            workers = by_name[name]
            memory.append(f'{sum(workers):.0f}')
        row = (
            name,
            f'{seconds:.1f}',
            f'{cpu:.1f}',
            *memory,
        )
        rows.append(row)

    sizes = ['MiB of all workers'] * len(run.memory)
    header = (
        '',
        's to the first answer',
        's of processor',
        *sizes,
    )
    table = tables.rows(header, rows)
    return f'## Start and memory\n\n{table}'


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
        row = (
            name,
            str(measured.callers),
            *_figures(measured, name),
        )
        if usual:
            row += _ratios(measured, name, usual.get(name))
        rows.append(row)
    return tables.rows(header, rows)


def _figures(measured: Measured, name: str) -> list[str]:
    """Return what a deployment has taken, without the database's share of the
    service's seconds.
    """
    cpu = measured.median(name, 'cpu')
    database = measured.median(name, 'database')
    figures = [
        measured.median(name, 'rate'),
        measured.median(name, 'p50'),
        measured.median(name, 'p99'),
        cpu - database,
        database,
    ]
    return [tables.rounded(each) for each in figures]


def _usual(
    subject: Subject, names: collections.abc.Container[str]
) -> dict[str, str]:
    """Return what is measured that an operator would have in the place of a
    deployment, by the deployment's name.
    """
    found = {}
    for each in subject.deployments:
        if each.name in names and each.usual in names:
            found[each.name] = each.usual
    return found


def _ratios(
    measured: Measured, name: str, usual: str | None
) -> tuple[str, str]:
    """Return how far a deployment is ahead of the usual one."""
    if usual is None:
        return '', ''
    rate = measured.ratio(usual, 'rate', name)
    cpu = measured.ratio(usual, 'cpu', name)
    return f'{rate:.2f}×', f'{cpu:.2f}×'
