"""The report of a fleet, in Markdown, and the curves of its polls."""

import pathlib

from matplotlib import pyplot

from benchmarks.comparison import plots, tables
from benchmarks.fleet.agents import INTERVAL, JITTER, POLL, WORK
from benchmarks.fleet.data import JOBS_EACH, MEMBERS
from benchmarks.fleet.measuring import SHARES, Phase, Run

#: Milliseconds that 99 % of the polls should stay below.
TARGET = 50
_PLOT = 'polls.svg'
#: Width and height, in inches.
_SIZE = (6, 3.6)
_INTRODUCTION = f"""# A fleet of agents

Written by `{{command}}`.
Each simulated agent has {JOBS_EACH} jobs and polls for them every {INTERVAL} s,
up to {JITTER} s earlier or later, by a new connection, as the published agent
does. In a run each of the {MEMBERS} members of a session does what that one
does: it reports that its job runs, starts, reports its process, works for
{WORK} s, records its backup, ends, and reports that. The service has 2
processes under uWSGI, the identity of the callers injected; it, its database
and the agents share the machine. Each process has taken part in a run before,
for which it has compiled its statements.

Times count from when a request was due, so what the agents themselves are late
by is in them. Where others use the processors, as the table of the load shows,
times by the clock are longer than they would be without.
"""
_STORED = """
After the last phase the service's processes were killed. Then another process
looked for each start, end, report and backup that an agent had been told is
done: as a member that has started or completed in its run, as the version of
the job, as what the job says, and as a document. In the whole store {drifts}
documents contradict each other or what is derived from them.
"""


def write(run: Run, folder: pathlib.Path) -> None:
    """Write the report and its plot into a folder."""
    notes = dict(run.notes)
    command = notes.pop('command', '')
    # "no documents contradict each other"
    drifts = run.drifts or 'no'
    parts = [
        _INTRODUCTION.format(command=command),
        '## Machine\n',
        tables.rows(('', ''), notes.items()),
        '## Target\n',
        _target(run),
        '## Times\n',
        _times(run),
        _draw(run, folder),
        '## Load\n',
        _load(run),
        '## Failures\n',
        _failures(run),
        '## What is stored\n' + _STORED.format(drifts=drifts),
        _stored(run),
    ]
    file = folder / 'README.md'
    file.write_text('\n'.join(parts))


def _target(run: Run) -> str:
    rows = []
    for phase in run.phases:
        for kind in phase.curves:
            most = phase.at(kind, 0.99)
            shown = tables.rounded(most)
            row = (
                phase.name,
                kind,
                f'{shown} ms',
                f'< {TARGET} ms',
                'met' if most < TARGET else 'not met',
            )
            rows.append(row)
    header = ('phase', 'request', 'p99', 'asked', '')
    return tables.rows(header, rows)


def _times(run: Run) -> str:
    rows = []
    for phase in run.phases:
        for kind, number in phase.requests.items():
            rate = number / phase.seconds
            told = []
            for share in (0.5, 0.9, 0.99, 0.999, 1.0):
                most = phase.at(kind, share)
                told.append(tables.rounded(most))
            row = (
                phase.name,
                kind,
                f'{number:,}',
                tables.rounded(rate),
                *told,
            )
            rows.append(row)
    header = (
        'phase',
        'request',
        'number',
        'requests/s',
        'p50 ms',
        'p90 ms',
        'p99 ms',
        'p99.9 ms',
        'longest ms',
    )
    return tables.rows(header, rows)


def _load(run: Run) -> str:
    rows = []
    for phase in run.phases:
        shares = phase.processor.values()
        whole = sum(shares)
        row = (
            phase.name,
            *[f'{share:.1%}' for share in shares],
            f'{whole:.0%}',
            _cost(phase),
        )
        rows.append(row)
    who = run.phases[0].processor
    header = (
        'share of all processors',
        *who,
        'together',
        'ms a request',
    )
    return tables.rows(header, rows)


def _cost(phase: Phase) -> str:
    """Return the processor's milliseconds, of service and database, for a
    request of any kind.
    """
    # How many of all processors they have had, on average.
    processors = phase.processor['service'] + phase.processor['database']
    seconds = processors * phase.seconds * phase.processors
    requests = sum(phase.requests.values())
    return tables.rounded(1000 * seconds / requests)


def _failures(run: Run) -> str:
    rows = []
    for phase in run.phases:
        for what, number in phase.failures.items():
            rows.append((phase.name, what, str(number)))
    if not rows:
        return 'None.\n'
    return tables.rows(('phase', 'what', 'number'), rows)


def _stored(run: Run) -> str:
    rows = []
    for kind, number in run.acknowledged.items():
        lost = run.lost.get(kind, 0)
        row = (kind, f'{number:,}', str(lost))
        rows.append(row)
    header = ('acknowledged', 'number', 'lost')
    return tables.rows(header, rows)


def _draw(run: Run, folder: pathlib.Path) -> str:
    """Draw below how many milliseconds which share of the polls stays."""
    figure, axes = pyplot.subplots(figsize=_SIZE)
    shares = [100 * share for share in SHARES]
    for phase in run.phases:
        axes.plot(shares, phase.curves[POLL], label=phase.name)
    axes.axhline(TARGET, color='grey', linestyle=':')
    axes.set_yscale('log')
    axes.set_xlabel('% of the polls')
    axes.set_ylabel('ms at most')
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize='small')
    figure.tight_layout()
    plots.save(figure, folder / _PLOT)
    return f'![Polls]({_PLOT})\n'
