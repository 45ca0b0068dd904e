"""What callers ask, at random: agents and people who know what they were told last."""

import random
import typing

from tests.linearizable.history import Answer, Asked
from tests.linearizable.states import ENDLESS_WINDOW, NO_WINDOW, SHORT_WINDOW

SESSIONS = ('s1', 's2')
JOBS = ('j1', 'j2', 'j3')
WINDOWS = (NO_WINDOW, SHORT_WINDOW, ENDLESS_WINDOW)
INTERVALS = ('', '5 days', '6 days', '7 days')
#: How often each operation is asked for, in comparison with the others.
WEIGHTS = {
    'start': 16,
    'end': 12,
    'attach': 9,
    'detach': 4,
    'put_session': 3,
    'patch_session': 8,
    'delete_session': 1,
    'create_job': 3,
    'put_job': 3,
    'patch_job': 5,
    'report': 5,
    'tell': 3,
    'delete_job': 2,
    'get_session': 8,
    'list_sessions': 5,
    'list_runs': 4,
    'get_run': 3,
    'get_job': 6,
    'list_jobs': 7,
}
#: What every history begins with, so that there is something to do.
FIRST: tuple[Asked, ...] = (
    *(
        {
            'name': 'put_session',
            'session': session,
            'description': '',
            'hold_off': hold_off,
            'schedule': '5 days',
        }
        for session, hold_off in zip(SESSIONS, (SHORT_WINDOW, ENDLESS_WINDOW))
    ),
    *({'name': 'create_job', 'job': job, 'description': ''} for job in JOBS),
    *({'name': 'attach', 'session': SESSIONS[at % 2], 'job': job} for at, job in enumerate(JOBS)),
)
#: What every history ends with, when the store is whole again.
LAST: tuple[Asked, ...] = (
    {'name': 'list_sessions'},
    {'name': 'list_jobs'},
    *({'name': name, 'session': id} for id in SESSIONS for name in ('get_session', 'list_runs')),
    *({'name': 'get_job', 'job': job} for job in JOBS),
)


class Caller:
    """One of several callers of a project, with a ``random`` of its own."""

    def __init__(self, number: int, random: random.Random):
        self.number, self._random = number, random
        self._asked = 0
        #: What it was told last: the tag of each session, and the ETag of each document.
        self._tags: dict[str, int] = {}
        self._etags: dict[str, str] = {}

    def next(self) -> Asked:
        """What it asks now."""
        self._asked += 1
        (name,) = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        asked: Asked = {'name': name}
        make = getattr(self, f'_{name}', None)
        if make is not None:
            return asked | make()
        if name in ('attach', 'detach'):
            chosen = self._with_precondition('session', self._session())
            return asked | chosen | {'job': self._job()}
        if name == 'list_runs':
            return asked | {'session': self._session()}
        kind = name.partition('_')[2]
        id = self._job() if kind == 'job' else self._session()
        return asked | self._with_precondition(kind, id, reads=name.startswith('get_'))

    def learn(self, asked: Asked, answer: Answer) -> None:
        """Remember what was told."""
        for name, (_, etag) in answer.get('versions', {}).items():
            if etag:
                self._etags[name] = etag
        body = answer.get('body', {})
        if isinstance(body, dict) and 'session_tag' in body and 'session' in asked:
            self._tags[asked['session']] = body['session_tag']

    def _session(self) -> str:
        return self._random.choice(SESSIONS)

    def _job(self) -> str:
        return self._random.choice(JOBS)

    def _text(self) -> str:
        """A text that nobody else writes."""
        return f'{self.number}-{self._asked}'

    def _with_precondition(self, kind: str, id: str, reads: bool = False) -> Asked:
        etag = self._etags.get(f'{kind}s/{id}')
        if etag and self._random.random() < 0.3:
            return {kind: id, 'if_none_match' if reads else 'if_match': etag}
        return {kind: id}

    def _tag(self, session: str) -> int:
        """The tag that it knows, seldom another one."""
        known = self._tags.get(session, 0)
        return max(0, known + self._random.choices((0, -1, 1), (8, 3, 1))[0])

    def _start(self) -> Asked:
        session = self._session()
        return {
            'session': session,
            'job': self._job(),
            'tag': self._tag(session),
            'id': self._text(),
        }

    def _end(self) -> Asked:
        session = self._session()
        tag: int | None = self._tag(session)
        if self._random.random() < 0.2:
            tag = None
        result = self._random.choice(('success', 'success', 'success', 'fail', 'aborted'))
        return {'session': session, 'job': self._job(), 'tag': tag, 'result': result}

    def _put_session(self) -> Asked:
        return {
            **self._with_precondition('session', self._session()),
            'description': self._text(),
            'hold_off': self._random.choice(WINDOWS),
            'schedule': self._random.choice(INTERVALS),
        }

    def _patch_session(self) -> Asked:
        session = self._session()
        changes: dict[str, typing.Any] = {
            'description': self._text(),
            'hold_off': self._random.choice(WINDOWS),
            'schedule': self._random.choice(INTERVALS),
            'session_tag': self._tag(session) + self._random.randint(1, 3),
            'event': self._random.choice(('start', 'stop', 'abort')),
        }
        names = self._random.sample(list(changes), self._random.choice((1, 1, 2)))
        return {
            **self._with_precondition('session', session),
            **{name: changes[name] for name in names},
        }

    def _create_job(self) -> Asked:
        return {'job': self._job(), 'description': self._text()}

    def _put_job(self) -> Asked:
        return {**self._with_precondition('job', self._job()), 'description': self._text()}

    def _get_run(self) -> Asked:
        session = self._session()
        return {'session': session, 'tag': max(1, self._tag(session))}

    def _patch_job(self) -> Asked:
        return {**self._with_precondition('job', self._job()), 'description': self._text()}

    def _report(self) -> Asked:
        status = self._random.choice(('running', 'completed', 'scheduled', 'stop'))
        result = self._random.choice(('success', 'fail')) if status == 'completed' else ''
        return {'job': self._job(), 'status': status, 'result': result}

    def _tell(self) -> Asked:
        return {'job': self._job(), 'event': self._random.choice(('start', 'stop', 'abort'))}

    def _list_sessions(self) -> Asked:
        status = self._random.choice(('', '', 'running', 'completed', 'active'))
        return {'status': status} if status else {}

    def _list_jobs(self) -> Asked:
        return self._random.choice(
            (
                {},
                {'session_id': self._session()},
                {'session_id': ''},
                {'is_poll': True},
                # What it has written itself, if it has.
                {'description': f'{self.number}-{self._random.randint(1, self._asked)}'},
            )
        )
