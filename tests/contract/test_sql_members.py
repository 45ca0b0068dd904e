"""Sessions whose members are more than MariaDB puts together in one value."""

from freezer_api import exceptions
from freezer_api.domain.documents import JOBS, SESSIONS
from tests.contract import stores

#: Bytes that hold some of twelve members: the last one is cut in its middle, or is whole.
LIMITS = (300, 315, 330, 345)


@stores.on_stores(stores.MariaDB)
class CutMembers:
    """What a server's limits cut is never taken for all members."""

    # The limits stay with the connections of the storage.
    alone = True

    def setUp(self):
        super().setUp()
        self.addCleanup(self.limit, 2**30)
        self.project.put_session('s')
        for number in range(12):
            self.project.new_job(f'job-{number}')
            self.project.attach('s', f'job-{number}')

    def limit(self, number: int) -> None:
        """Let each connection of the storage cut values."""
        engines = self.storage.database.engines
        for engine in {engines.reader, engines.writer}:
            with engine.connect() as connection:
                connection.exec_driver_sql(f'SET SESSION group_concat_max_len = {number}')

    def test_session_with_cut_members_is_not_shown(self):
        whole = self.project.get(SESSIONS, 's')
        self.assertEqual(12, len(whole.body['jobs']))
        for number in LIMITS:
            self.limit(number)
            self.assertRaises(exceptions.StorageUnavailable, self.project.get, SESSIONS, 's')
            self.assertRaises(exceptions.StorageUnavailable, self.project.page, SESSIONS)
        self.limit(2**30)
        self.assertEqual(whole, self.project.get(SESSIONS, 's'))

    def test_session_with_cut_members_can_be_changed_and_deleted(self):
        self.limit(LIMITS[0])
        self.project.detach('s', 'job-3')
        self.limit(2**30)
        left = {f'job-{number}' for number in range(12) if number != 3}
        self.assertEqual(left, set(self.project.get(SESSIONS, 's').body['jobs']))
        self.limit(LIMITS[0])
        self.project.delete_session('s')
        self.assertTrue(self.project.missing(SESSIONS, 's'))
        for job_id in left:
            self.assertEqual('', self.project.get(JOBS, job_id).body['session_id'])
