"""Use cases without HTTP, on a real SQLite store with a clock that the test turns."""

import contextlib
import tempfile
import typing
import unittest

from freezer_api import conf, db, exceptions
from freezer_api.domain import documents, search_query
from freezer_api.domain.documents import Body, Precondition
from freezer_api.services import actions, backups, clients, jobs, sessions
from freezer_api.services.common import Caller

ME, COLLEAGUE, STRANGER = Caller('alpha', 'ann'), Caller('alpha', 'bob'), Caller('beta', 'eve')
STALE = Precondition(if_match=('0-0',))
THERE = Precondition(if_match=('*',))
BACKUP = {'action': 'backup', 'mode': 'fs', 'storage': 'local'}


class UseCase(unittest.TestCase):
    """A store with the client ``c`` of the project ``alpha``."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        configuration = conf.new()
        configuration([], default_config_files=[], default_config_dirs=[])
        configuration.set_override(
            'connection', f'sqlite:///{folder.name}/freezer.sqlite', 'database'
        )
        self.storage = db.load(configuration)
        self.addCleanup(self.storage.close)
        self.storage.sync()
        self.now = 1_700_000_000 * documents.SECOND
        self.storage.clock = lambda: self.now
        clients.register(self.storage, ME, {'client_id': 'c'})

    def advance(self, seconds: int) -> None:
        """Turn the clock."""
        self.now += seconds * documents.SECOND

    def make_job(self, job_id: str, **keys: typing.Any) -> str:
        """Create a job of the client ``c``; its id."""
        body = {
            'client_id': 'c',
            'job_id': job_id,
            'job_actions': [{'freezer_action': BACKUP}],
            **keys,
        }
        return jobs.create(self.storage, ME, body).id

    def make_session(self, *members: str, **keys: typing.Any) -> str:
        """Create a session with jobs of these ids as its members; its id."""
        session_id = sessions.create(self.storage, ME, {'schedule': {}, **keys}).id
        for job_id in members:
            sessions.attach(self.storage, ME, session_id, self.make_job(job_id))
        return session_id

    def job(self, job_id: str, caller: Caller = ME) -> Body:
        """The job as shown."""
        return jobs.show(self.storage, caller, job_id).body

    def session(self, session_id: str) -> Body:
        """The session as shown."""
        return sessions.show(self.storage, ME, session_id).body

    def action(self, action_id: str) -> Body:
        """The action as shown."""
        return actions.show(self.storage, ME, action_id).body

    @contextlib.contextmanager
    def refused(
        self, error: type[exceptions.FreezerError], text: str = ''
    ) -> typing.Iterator[None]:
        """The block must end with this error, whose message contains ``text``, and change nothing
        that is stored.
        """
        before = self._everything()
        with self.assertRaises(error) as caught:
            yield
        self.assertIn(text, caught.exception.message)
        self.assertEqual(before, self._everything())

    def _everything(self) -> list[typing.Any]:
        return [
            listed.list_page(self.storage, caller, search_query.Query(limit=1000)).items
            for listed in (sessions, jobs, actions, clients, backups)
            for caller in (ME, STRANGER)
        ]
