"""The report of a run: budgets, tables and plots, in Markdown."""

import collections
import collections.abc
import pathlib
import statistics

from benchmarks.comparison import cases, plots, tables
from benchmarks.comparison.contestants import LIMIT, OURS, PUBLISHED, VERSION
from benchmarks.comparison.measuring import Measured, Run

NAMES = {
    OURS: 'this service',
    PUBLISHED: f'published {VERSION}',
    LIMIT: 'limit',
}
#: Of the limit's throughput, what a GET should reach.
OF_LIMIT = 0.6
#: How many times longer a flat case may take among the most sessions.
GROWTH = 1.3
#: What each of 64 members at once should be ahead by.
STORM = {'start of 64 at once': 2.0, 'end of 64 at once': 2.0}
#: The introduction where all contestants are there, and where one is.
_COMPARED = """# What requests cost

Written by `{command}`. This service, the published freezer-api {version} from
PyPI and the limit (a bare WSGI function that does one SELECT by primary key
and sends the stored bytes) each run under uWSGI with 2 processes of 4 threads,
on one MariaDB that doesn't wait for its disk, with the identity of the callers
injected, and hold the same sessions with three members each. `wrk` asks all of
them in turn, 8 callers at once, each request by a connection of its own.
Figures are medians over {rounds} rounds; ratios are medians of the ratios of
one round, above 1 where this service is ahead.
"""
_ALONE = """# What requests cost among more and more sessions

Written by `{command}`. This service runs under uWSGI with 2 processes of 4
threads, on a MariaDB that doesn't wait for its disk (with 4 GiB of memory if
there are more than 200,000 sessions at the end), with the identity of the
callers injected. Sessions have three members each. `wrk` asks it, 8 callers at
once, each request by a connection of its own. Figures are medians over
{rounds} rounds.
"""
_PROCESSOR = """
The processor's seconds are those of the server's processes and of the
database, for 1,000 requests: what else the machine does changes them less than
the throughput. Where others use the processors, a figure by the clock says
little.
"""


def write(run: Run, folder: pathlib.Path) -> None:
    """Write the report and its plots into a folder."""
    by_case: dict[str, list[Measured]] = collections.defaultdict(list)
    for one in run.cases:
        by_case[one.case].append(one)
    parts = [
        _introduction(run),
        _machine(run),
        _budgets(by_case),
        _servers(run),
        '## Cases\n',
    ]
    for case, measured in by_case.items():
        name = plots.draw(measured, folder)
        parts.append(f'### {case}\n')
        parts.append(_table(measured))
        parts.append(f'![{case}]({name})\n')
    file = folder / 'README.md'
    file.write_text('\n'.join(parts))


def _introduction(run: Run) -> str:
    introduction = _COMPARED if PUBLISHED in run.started else _ALONE
    told = introduction.format(
        command=run.notes.get('command', ''),
        version=VERSION,
        rounds=run.rounds,
    )
    return told + _PROCESSOR


def _machine(run: Run) -> str:
    notes = dict(run.notes)
    # The introduction has told it.
    notes.pop('command', None)
    table = tables.rows(('', ''), notes.items())
    return f'## Machine\n\n{table}'


# Budgets


def _budgets(by_case: dict[str, list[Measured]]) -> str:
    rows = []
    for case in cases.CASES:
        in_every_size = by_case.get(case.name, [])
        for measured in in_every_size:
            rows += _budgets_of(case, measured)
        if case.is_flat:
            rows += _growth(in_every_size)
    for name, budget in STORM.items():
        for measured in by_case.get(name, ()):
            if PUBLISHED in measured.rounds:
                rows.append(_ahead(measured, budget))
            rows.append(_lost(measured))
    header = (
        'what',
        'sessions',
        'asked',
        'throughput',
        'processor',
        '',
    )
    table = tables.rows(header, rows)
    return f'## Budgets\n\n{table}'


def _budgets_of(
    case: cases.Case, measured: Measured
) -> collections.abc.Iterator[tuple[str, ...]]:
    if LIMIT in measured.rounds:
        yield _verdict(
            f'{case.name}, of the limit',
            measured.size,
            OF_LIMIT,
            measured.ratio(LIMIT, 'rate'),
            measured.ratio(LIMIT, 'cpu'),
        )
    if case.budget is None or PUBLISHED not in measured.rounds:
        return
    if case.budget_size in (None, measured.size):
        yield _ahead(measured, case.budget)


def _ahead(measured: Measured, budget: float) -> tuple[str, ...]:
    return _verdict(
        measured.case,
        measured.size,
        budget,
        measured.ratio(PUBLISHED, 'rate'),
        measured.ratio(PUBLISHED, 'cpu'),
    )


def _verdict(
    name: str, size: int, budget: float, rate: float, cpu: float
) -> tuple[str, ...]:
    met = 'not met'
    if min(rate, cpu) >= budget:
        met = 'met'
    elif max(rate, cpu) >= budget:
        met = 'met by one of them'
    return (
        name,
        f'{size:,}',
        f'≥ {budget:g}×',
        f'{rate:.2f}×',
        f'{cpu:.2f}×',
        met,
    )


def _growth(
    measured: collections.abc.Sequence[Measured],
) -> collections.abc.Iterator[tuple[str, ...]]:
    """Compare the most sessions with the fewest; those that as many callers
    asked for at once, for one alone has to itself what others share.
    """
    by_callers: dict[int, list[Measured]] = {}
    for each in measured:
        by_callers.setdefault(each.callers, []).append(each)
    alike = max(by_callers.values(), key=len, default=[])
    if len(alike) < 2:
        # There is nothing to compare it with.
        return
    first, last = alike[0], alike[-1]
    rate = first.median(OURS, 'rate')
    slower = rate / last.median(OURS, 'rate')
    cpu = first.median(OURS, 'cpu')
    dearer = last.median(OURS, 'cpu') / cpu
    # The clock says little where others use the processors.
    met = 'met' if dearer <= GROWTH else 'not met'
    yield (
        f'{last.case}, growth',
        f'{first.size:,} → {last.size:,}',
        f'≤ {GROWTH}×',
        f'{slower:.2f}×',
        f'{dearer:.2f}×',
        met,
    )


def _lost(measured: Measured) -> tuple[str, ...]:
    lost = sum(each.lost for each in measured.rounds[OURS])
    met = 'not met' if lost else 'met'
    return (
        f'{measured.case}, lost',
        f'{measured.size:,}',
        'none',
        str(lost),
        '',
        met,
    )


# Tables


def _servers(run: Run) -> str:
    rows = []
    for name, (seconds, cpu) in run.started.items():
        memory = []
        for by_name in run.memory.values():
            mean = statistics.mean(by_name[name])
            memory.append(f'{mean:.0f}')
        row = (
            NAMES[name],
            f'{seconds:.1f}',
            f'{cpu:.1f}',
            *memory,
        )
        rows.append(row)

    sizes = [f'MiB a worker, {size:,}' for size in run.memory]
    header = (
        '',
        's to the first answer',
        's of processor',
        *sizes,
    )
    table = tables.rows(header, rows)
    return f'## Servers\n\n{table}'


def _table(measured: collections.abc.Sequence[Measured]) -> str:
    header = (
        'sessions',
        'who',
        'callers',
        'requests/s',
        'p50 ms',
        'p99 ms',
        'processor s/1000',
        'of it database',
        'statements',
        'rows read',
        'ahead by',
        'by processor',
    )
    rows = []
    for each in measured:
        for name in each.rounds:
            rows.append(_row(each, name))
    return tables.rows(header, rows)


def _row(measured: Measured, name: str) -> tuple[str, ...]:
    figures = []
    for figure in ('rate', 'p50', 'p99', 'cpu', 'database'):
        median = measured.median(name, figure)
        figures.append(tables.rounded(median))

    # What 64 do at once isn't counted.
    costs = ('', '')
    if name in measured.statements:
        statements, read = measured.statements[name]
        costs = (f'{statements:.1f}', f'{read:,.0f}')

    # A contestant isn't compared with itself.
    ratios = ('', '')
    if name != OURS and OURS in measured.rounds:
        rate = measured.ratio(name, 'rate')
        cpu = measured.ratio(name, 'cpu')
        ratios = (f'{rate:.2f}×', f'{cpu:.2f}×')
    return (
        f'{measured.size:,}',
        NAMES[name],
        str(measured.callers),
        *figures,
        *costs,
        *ratios,
    )
