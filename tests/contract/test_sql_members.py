"""The members of sessions as one value: odd ones, and more than MariaDB puts together."""

import typing

import orjson
import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.sessions import members, session_rows
from freezer_api.domain.documents import JOBS, SESSIONS
from tests.contract import stores

#: Bytes that hold some of twelve members: the last one is cut in its middle, or is whole.
LIMITS = (300, 315, 330, 345)


class StoredSession:
    """What is stored of a session in its row."""

    storage: typing.Any
    session: str

    def body(self):
        column = sqlalchemy.select(models.sessions.c.body).where(self.is_session())
        return orjson.loads(
            self.storage.database.read(lambda connection: connection.execute(column).scalar_one())
        )

    def write_body(self, change, **values):
        """Change what is stored by hand."""
        body = self.body()
        change(body)
        statement = (
            sqlalchemy.update(models.sessions)
            .where(self.is_session())
            .values(body=orjson.dumps(body).decode(), **values)
        )
        self.storage.database.write(lambda connection: connection.execute(statement))

    def is_session(self):
        return models.sessions.c.id == self.session


@stores.on_stores(*stores.SQL_STORES)
class MembersWithSessions(StoredSession):
    """A session's row has its members, too, while they are few."""

    alone = True

    def setUp(self):
        super().setUp()
        self.session = self.project.new_session(hold_off=3600)
        self.jobs = [self.project.new_job(session_id=self.session) for _number in range(3)]
        self.project.start(self.session, self.jobs[0], 0)

    def test_row_without_its_members_is_written_by_their_rows(self):
        """As a release left it that doesn't know them."""
        self.write_body(lambda body: body.pop(session_rows.MEMBERS))
        self.assertNotIn(session_rows.MEMBERS, self.body())
        self.project.end(self.session, self.jobs[0], 1)
        shown = self.project.session(self.session)['jobs']
        self.assertEqual(set(self.jobs), set(shown))
        self.assertEqual('success', shown[self.jobs[0]]['result'])
        kept = members.unpack(self.body()[session_rows.MEMBERS])
        self.assertEqual(shown, {id: member.shown() for id, member in kept.items()})


@stores.on_stores(stores.MariaDB)
class CutMembers(StoredSession):
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
        # Else nobody has to put members together, to show or to change them.
        self.session = 's'
        self.write_body(lambda body: body.pop(session_rows.MEMBERS), shown=None)

    def limit(self, number: int) -> None:
        """Let each connection of the storage cut values."""
        database = self.storage.database
        for connections in (database.readers, database.writers):
            with connections.lend() as connection:
                connection.exec_driver_sql(f'SET SESSION group_concat_max_len = {number}')
                connection.rollback()

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


#: Ids of clients that stand for something in JSON, in SQL or in a character set.
ODD = (
    # Short ones and long ones take different ways in MySQL: with their quotes, those of 510
    # characters are the last that are short.
    *('x' * length for length in (509, 510, 511, 600)),
    '"' * 255,
    '"' * 256,
    'x' * 509 + '\\',
    'x' * 600 + '","completed","",1,1,1],["job-0","',
    'q"uo\\te',
    "it's",
    '[1, {"a": null}]',
    'ü 😀 \U0010ffff',
    '\u2028\ufeff',
    'a\tb\x01\x7f',
)


#: Ids of sessions that are no ids of the API. A job's is one character longer.
IMPORTED = ('a\\nb', 'q"uo"te', '\\', '","', '"' * 250, '{[]}', '%s{0}', "it's")


@stores.on_stores(*stores.SQL_STORES)
class OddMembers:
    """What the database puts together comes back as it was stored."""

    def test_members_with_odd_clients_are_read_as_they_are_written(self):
        self.project.put_session('s')
        expected = {}
        for number, client_id in enumerate(ODD):
            job_id = f'job-{number}'
            self.project.new_job(job_id, session_id='s', client_id=client_id)
            expected[job_id] = client_id
        (listed,) = self.project.page(SESSIONS).documents
        for shown in (self.project.get(SESSIONS, 's'), listed):
            members = shown.body['jobs']
            self.assertEqual(expected, {id: members[id]['client_id'] for id in members})
        # A change reads them once they are locked, in another way.
        self.project.detach('s', 'job-0')
        del expected['job-0']
        members = self.project.get(SESSIONS, 's').body['jobs']
        self.assertEqual(expected, {id: members[id]['client_id'] for id in members})

    def test_ids_that_only_an_import_keeps_are_read_as_they_are_written(self):
        """Those that the API takes have nothing that JSON escapes."""
        for id in IMPORTED:
            self.project.put_session(id)
            self.project.new_job(f'j{id}', session_id=id)
        for id in IMPORTED:
            shown = self.project.session(id)
            self.assertEqual(id, shown['session_id'])
            self.assertEqual([f'j{id}'], list(shown['jobs']))
        listed = {one.id: one.body for one in self.project.page(SESSIONS, limit=100).documents}
        self.assertEqual(set(IMPORTED), set(listed))
        for id, body in listed.items():
            self.assertEqual(id, body['session_id'])
            self.assertEqual([f'j{id}'], list(body['jobs']))
