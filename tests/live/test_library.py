"""Every method of the published python-freezerclient's library, standalone and in a cloud."""

import functools
import json

import testtools

from tests.live import callers, library_clients, library_jobs, library_sessions, programs

TESTED = {'clients', 'jobs', 'sessions', 'actions', 'backups'}


class Managers(
    library_jobs.Clients,
    library_jobs.Actions,
    library_jobs.Jobs,
    library_sessions.Sessions,
    library_sessions.Backups,
):
    """One server for a class, a project and a process of the library for each test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = programs.shared(cls, cls.Target())
        cls.library = programs.shared(cls, callers.Library())

    def setUp(self):
        super().setUp()
        self.home = self.target.home()
        self.client = self.library.working_in(self.home)

    def manager(self, name: str) -> callers.Manager:
        """A manager of the client that works in the project."""
        return self.client.manager(name)

    def exercised(self, manager: callers.Manager) -> None:
        """Nothing of the manager has been left out."""
        self.assertEqual(set(), manager.unexercised())

    def refused(
        self, status: int, words: str, call: object, *args: object, **named: object
    ) -> None:
        """A call raises the library's exception, whose text is what the API says."""
        error = self.assertRaises(callers.Raised, call, *args, **named)
        self.assertEqual('ApiClientException', error.kind, error.said)
        self.assertEqual(status, error.status, error.said)
        self.assertTrue(error.said.startswith(f'[*] Error {status}: '), error.said)
        self.assertIn(words, error.said)
        # It would be the whole body if that weren't in the form that the library knows.
        self.assertNotIn('"title"', error.said)

    def test_every_manager_has_a_test(self):
        self.assertEqual(TESTED, set(self.client.managers))


class TestStandalone(Managers, testtools.TestCase):
    """``freezer-api --standalone``, on SQLite; the library is given the address."""

    Target = callers.Standalone


class TestCloud(Managers, library_clients.Making, testtools.TestCase):
    """Keystone, and two processes of the API on MariaDB."""

    Target = callers.Cloud

    def test_denied_calls_raise_403(self):
        """Who may not is told so, whatever it is that they may not."""
        reader = self.library.working_in(self.target.home('reader'))
        jobs, clients, sessions = (reader.manager(name) for name in ('jobs', 'clients', 'sessions'))
        self.assertEqual([], jobs.list_all())
        self.refused(403, '', jobs.create, library_jobs.job('web'))
        self.refused(403, '', sessions.start_session, 'any', 'any', 0)
        self.refused(403, '', clients.delete, 'web')
        self.refused(403, '', self.manager('jobs').list_all, all_projects=True)
        self.refused(
            403, '', self.manager('clients').create, {'client_id': 'web', 'is_central': True}
        )

    def test_made_up_token_raises_401(self):
        """One that isn't one: the body is keystonemiddleware's, of which the library shows all."""
        jobs = self.library.client(
            'session', self.home.url, self.home.project_id, 'made-up'
        ).manager('jobs')
        error = self.assertRaises(callers.Raised, jobs.list_all)
        self.assertEqual(401, error.status)
        self.assertEqual(
            401, json.loads(error.said.removeprefix('[*] Error 401: '))['error']['code']
        )

    def test_documents_of_another_project_look_missing(self):
        """What is another project's looks as if it weren't there, and can't be changed."""
        other = self.target.home()
        other.call('POST', 'clients', 201, {'client_id': 'web'})
        other.call('POST', 'jobs', 201, library_jobs.job('web', job_id='theirs'))
        jobs = self.manager('jobs')
        self.assertIsNone(jobs.get('theirs'))
        self.assertEqual([], jobs.list_all())
        self.refused(
            404, 'Job theirs could not be found.', jobs.update, 'theirs', {'description': 'mine'}
        )
        self.refused(404, 'Job theirs could not be found.', jobs.abort_job, 'theirs')
        self.assertIsNone(jobs.delete('theirs'))
        self.assertEqual('', other.call('GET', 'jobs/theirs', 200)['description'])


class TestCloudOnSQLite(TestCloud):
    """The same, where the service has a file for its store."""

    Target = functools.partial(callers.Cloud, store=programs.SQLITE)
