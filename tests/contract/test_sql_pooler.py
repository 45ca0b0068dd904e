"""PostgreSQL behind a PgBouncer, which refuses options of connections and hands them out by the
transaction."""

from freezer_api.domain.documents import JOBS
from freezer_api.tests.contract import base, concurrency
from tests import servers
from tests.servers import pgbouncer


class Pooled(concurrency.ConcurrentJobs, base.ContractCase):
    """Its database is made, and used by many at once."""

    mode: str

    @classmethod
    def make_options(cls):
        server = servers.address(servers.POSTGRESQL)
        database = servers.create_database(server)
        cls.addClassCleanup(servers.drop_database, database)
        pooler = pgbouncer.PgBouncer(server, cls.mode)
        cls.addClassCleanup(pooler.stop)
        return {'database': {'connection': pooler.url(database)}}

    def test_job_is_made_and_found_through_the_pooler(self):
        job = self.project.new_job(session_id=self.project.new_session())
        self.storage.check()
        self.assertEqual([job], self.project.ids(JOBS, [{'job_id': job}]))


class BySession(Pooled):
    name = mode = 'session'


class ByTransaction(Pooled):
    name = mode = 'transaction'


del Pooled
