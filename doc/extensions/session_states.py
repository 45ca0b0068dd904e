"""``.. session-states::`` and ``.. member-states::``: what a session and its
members can become, found by calling the functions that decide.

All that two members can do is tried in every situation that it leads to, so a
change of the rules changes the tables and the picture.
"""

import collections.abc
import dataclasses
import typing

from docutils import nodes, statemachine
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util.nodes import nested_parse_with_titles

from freezer_api.domain import documents, run_state, runs, session_state
from freezer_api.domain.session_state import Member, Session

JOBS = ('a', 'b')
#: The job of a member that is added later.
LATER = 'c'
HOLD_OFF = 60
BEGIN, JOIN, END, PASS, LEAVE, ADD = 'B', 'J', 'E', 'W', 'L', 'A'
EVENTS = {
    BEGIN: 'a member starts, and a run begins with it',
    JOIN: 'a member starts, and joins the run',
    END: 'a member ends',
    PASS: 'the hold-off window passes',
    LEAVE: 'a member leaves the session',
    ADD: 'a job is added to the session',
}
NEW_RUN = 'running, in a new run'
#: Where the picture has each status: the middle of its box.
PLACES = {
    'active': (70, 120),
    'running': (300, 120),
    'completed, success': (560, 40),
    'completed, fail': (560, 200),
}
WIDTH, HEIGHT = 680, 240
#: Boxes: with a result, without, and the height of both.
WIDE, NARROW, HIGH = 150, 120, 40

#: A status before, the letter of an event, and the status after.
Transition = tuple[str, str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Situation:
    """A session at a moment, in microseconds."""

    session: Session
    now: int

    def key(self) -> collections.abc.Hashable:
        """Return what distinguishes situations for the rules: not the tag."""
        run, members = self.session.run, sorted(self.session.members.items())
        is_over = run is not None and self.now > run.window_end
        progress = tuple(
            (job, member.status, member.result, member.counted)
            for job, member in members
        )
        return run and (run.status, run.result), is_over, progress


def status_of(session: Session) -> str:
    """Return the status of a session, with the result if it is over."""
    body = session.body()
    return (
        f'{body["status"]}, {body["result"]}'
        if body['result']
        else body['status']
    )


def next_situations(
    situation: Situation,
) -> collections.abc.Iterator[tuple[str, Situation]]:
    """Do all that can happen in a situation."""
    session, now = situation.session, situation.now
    for job in session.members:
        started = runs.start(session, job, session.tag, now).session
        event = JOIN
        if started.tag > session.tag:
            event = BEGIN
        yield event, Situation(started, now)
        for result in (session_state.SUCCESS, session_state.FAIL):
            ended = runs.end(
                session, job, session.tag, result, now, None
            ).session
            yield END, Situation(ended, now)
        yield LEAVE, Situation(run_state.left(session, job, now), now)
    if LATER not in session.members:
        yield ADD, Situation(run_state.joined(session, LATER, 'client'), now)
    if session.run is not None and now <= session.run.window_end:
        later = session.run.window_end + documents.SECOND
        yield PASS, Situation(run_state.lapse(session, later), later)


def explore() -> collections.abc.Iterator[tuple[str, Situation, Situation]]:
    """Yield each event with the situations before and after it that differ."""
    members = {job: Member('client') for job in JOBS}
    first = Session('p', 's', 'u', hold_off=HOLD_OFF, members=members)
    waiting, seen = [Situation(first, documents.SECOND)], set()
    while waiting:
        before = waiting.pop()
        if before.key() in seen:
            continue
        seen.add(before.key())
        for event, after in next_situations(before):
            if after.session != before.session:
                yield event, before, after
            waiting.append(after)


def session_transitions() -> set[Transition]:
    """Return what becomes of the status of a session."""
    found = set()
    for event, before, after in explore():
        was, status = status_of(before.session), status_of(after.session)
        if event == BEGIN and was == 'running':
            found.add((was, event, NEW_RUN))
        elif event not in (LEAVE, ADD) or was != status:
            found.add((was, event, status))
    return found


def member_transitions() -> set[Transition]:
    """Return what becomes of the status of a member."""
    found = set()
    for event, before, after in explore():
        for job, was in before.session.members.items():
            member = after.session.members.get(job, was)
            if (was.status, was.result) != (member.status, member.result):
                found.add((was.status, event, member.status))
    return found


def table(transitions: set[Transition], first: tuple[str, ...]) -> list[str]:
    """Return the lines of a table, a row for each status and event."""
    rows: dict[tuple[str, str], list[str]] = {}
    for was, event, becomes in sorted(transitions):
        rows.setdefault((was, event), []).append(becomes)
    order = {status: at for at, status in enumerate(first)}
    lines = ['.. list-table::', '   :header-rows: 1', '']
    lines += [
        '   * - ',
        '     - Status',
        '     - What happens',
        '     - The status is then',
    ]
    for was, event in sorted(
        rows, key=lambda row: (order[row[0]], list(EVENTS).index(row[1]))
    ):
        becomes = ' or '.join(f'``{status}``' for status in rows[was, event])
        lines += [f'   * - {event}', f'     - ``{was}``']
        lines += [f'     - {EVENTS[event]}', f'     - {becomes}']
    return lines


def picture(transitions: set[Transition]) -> str:
    """Draw the statuses of a session, with the letters of the events."""
    edges: dict[tuple[str, str], set[str]] = {}
    for was, event, becomes in transitions:
        if becomes == NEW_RUN:
            becomes = was
        edges.setdefault((was, becomes), set()).add(event)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' aria-label="What becomes of the status of a session" style="max-width: 100%">',
        '<defs><marker id="head" markerWidth="9" markerHeight="8" refX="8" refY="4"'
        ' orient="auto"><path d="M0,0 L9,4 L0,8 z"/></marker></defs>',
    ]
    parts += [_edge(*edge, letters) for edge, letters in sorted(edges.items())]
    parts += [_box(status, *place) for status, place in PLACES.items()]
    return '\n'.join([*parts, '</svg>'])


def _width(status: str) -> int:
    """Return how wide the box of a status is."""
    if ',' in status:
        return WIDE
    return NARROW


def _box(status: str, x: int, y: int) -> str:
    wide = _width(status)
    return (
        f'<rect x="{x - wide // 2}" y="{y - HIGH // 2}" width="{wide}"'
        f' height="{HIGH}" rx="6" fill="#f4f4f4" stroke="#333"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-size="15">'
        f'{status}</text>'
    )


def _edge(was: str, becomes: str, events: set[str]) -> str:
    """Draw an arrow with the letters of its events."""
    if was == becomes:
        path, x, y = _loop(was)
    else:
        path, x, y = _arc(was, becomes)
    label = ' '.join(event for event in EVENTS if event in events)
    return (
        f'<path d="{path}" fill="none" stroke="#333" marker-end="url(#head)"/>'
        f'<text x="{x}" y="{y}" text-anchor="middle" font-size="14"'
        f' font-weight="bold">{label}</text>'
    )


def _loop(status: str) -> tuple[str, int, int]:
    """Return the path of an arrow above a box, back to the box, and where its
    label is.
    """
    x, y = PLACES[status]
    edge = y - HIGH // 2
    bend = edge - 60
    path = f'M{x - 30},{edge} C{x - 50},{bend} {x + 50},{bend} {x + 30},{edge}'
    return path, x, edge - 52


def _arc(was: str, becomes: str) -> tuple[str, int, int]:
    """Return the path of an arrow from box to box, and where its label is.

    It is bent to its left: there and back don't cover each other.
    """
    (x1, y1), (x2, y2) = PLACES[was], PLACES[becomes]
    forth = 1
    if x2 < x1:
        forth = -1
    x1 += forth * _width(was) // 2
    x2 -= forth * _width(becomes) // 2
    x, y = (x1 + x2) // 2, (y1 + y2) // 2
    bent = 0
    if y1 != y2:
        bent = -18 * forth
    path = f'M{x1},{y1} Q{x},{y + bent} {x2},{y2}'
    # Outside of the bend.
    aside = -4
    if bent > 0:
        aside = 14
    return path, x, y + bent + aside


class States(Directive):
    """What both directives do."""

    def parsed(self, lines: list[str]) -> list[nodes.Node]:
        """Return the nodes of lines of text."""
        node = nodes.section()
        node.document = self.state.document
        content = statemachine.StringList(lines, source='freezer_api.domain')
        nested_parse_with_titles(self.state, content, node)
        return node.children


class SessionStates(States):
    """The picture and the table of a session's status."""

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        transitions = session_transitions()
        drawn = nodes.raw('', picture(transitions), format='html')
        return [drawn, *self.parsed(table(transitions, tuple(PLACES)))]


class MemberStates(States):
    """The table of a member's status."""

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        return self.parsed(
            table(
                member_transitions(),
                typing.get_args(session_state.MemberStatus),
            )
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives to Sphinx."""
    app.add_directive('session-states', SessionStates)
    app.add_directive('member-states', MemberStates)
    return {'parallel_read_safe': True}
