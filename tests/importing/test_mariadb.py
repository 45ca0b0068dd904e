"""The published service's database in MariaDB, in the character set of an old installation."""

import fixtures
import sqlalchemy
import testscenarios

from freezer_api.domain.documents import ACTIONS, JOBS, KINDS, SESSIONS, TRUSTS
from freezer_api.importing import pending
from tests import servers
from tests.importing.base import ImportTest
from tests.importing.published import (
    BEGIN_SECONDS,
    DEFINITION,
    RELEASE_18,
    RELEASE_19,
    USER,
    member,
    reaches,
)
from tests.live import programs

CHARSET = 'tests.importing.published.Published.charset'


@servers.needs(servers.MYSQL)
class TestMariaDB(testscenarios.WithScenarios, ImportTest):
    scenarios = [(name, {'revision': name}) for name in (RELEASE_18, RELEASE_19)]
    revision: str

    def setUp(self):
        super().setUp()
        self.url = self.useFixture(programs.Database(servers.MYSQL)).url
        self.origin = self.database(self.revision, self.url)

    def test_import_from_another_server(self):
        origin = self.origin
        origin.add('sessions', 's', job={'j': member()})
        origin.add_job('j', 'act', session_id='s', description='t\u00e4glich')
        # To the collation this is another job's id, but not to us.
        origin.add('sessions', 'S2', job={'J': member()})
        origin.add('backups', 'b')
        if reaches(self.revision, RELEASE_19):
            origin.add('user_credentials', 'r', trust_id='t', trustor_user_id=USER, job_id='j')
        before = origin.dump()
        storage = self.imported(origin)
        counts = {kind: storage.count(kind) for kind in KINDS if kind != TRUSTS}
        self.assertEqual({**dict.fromkeys(counts, 1), SESSIONS: 2}, counts)
        self.assertEqual(['member-gone'], self.rules('S2'))
        job = self.body(storage, JOBS, 'j')
        self.assertEqual('t\u00e4glich', job['description'])
        self.assertEqual(BEGIN_SECONDS + 4, job['job_schedule']['time_created'])
        self.assertEqual(before, origin.dump(), 'the source is never changed')

    def test_connection_with_another_character_set(self):
        self.useFixture(fixtures.MonkeyPatch(CHARSET, 'utf8mb4'))
        url = self.useFixture(programs.Database(servers.MYSQL)).url
        origin = self.database(self.revision, url)
        origin.add_job('j', 'act', description='\U0001f4be')
        other = sqlalchemy.make_url(url).update_query_dict({'charset': 'utf8'})
        origin.url = other.render_as_string(hide_password=False)
        storage = self.imported(origin)
        self.assertEqual('\U0001f4be', self.body(storage, JOBS, 'j')['description'])

    def test_same_database(self):
        storage = self.store(self.url)
        self.assertEqual(2, pending.count(storage, self.url))
        self.run_import(self.origin, storage)
        self.assertEqual(1, storage.count(ACTIONS))
        self.assertEqual(0, pending.count(storage, self.url))


@servers.needs(servers.MYSQL)
class TestMariaDBWithDefinitionsInJobs(ImportTest):
    """Up to release 18 the JSON of jobs has ids of its own."""

    def test_id_that_the_character_set_lacks(self):
        """MariaDB can't even look for it."""
        url = self.useFixture(programs.Database(servers.MYSQL)).url
        origin = self.database(RELEASE_18, url)
        entry = {'action_id': '\u4e2d', 'freezer_action': DEFINITION}
        origin.add_job('j', job_actions=[entry])
        storage = self.imported(origin)
        made = self.body(storage, JOBS, 'j')['job_actions'][0]
        self.assertEqual(DEFINITION, made['freezer_action'])
        self.assertEqual(['action-made'], self.rules('j'))
