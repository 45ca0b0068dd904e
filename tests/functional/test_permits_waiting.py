"""What requests wait for without a permit of their process: other servers that don't answer."""

import contextlib
import pathlib
import socket
import threading

import fixtures
import testtools

from freezer_api import conf, db, exceptions, identity
from freezer_api.permits import Kind, Permits

#: Seconds in which a thread does its part, on any machine.
LONG = 60


class TestSilentServers(testtools.TestCase):
    """A server takes connections and says nothing; the process has one permit."""

    def setUp(self):
        super().setUp()
        self.permits = Permits(1)
        self.failures: list[Exception] = []
        server = socket.create_server(('127.0.0.1', 0))
        # Whoever accepts waits no longer than a test should.
        server.settimeout(LONG)
        self.server = server
        self.addCleanup(server.close)
        self.url = f'http://127.0.0.1:{server.getsockname()[1]}'
        self.conf = conf.new()
        self.conf([], default_config_files=[], default_config_dirs=[])

    def while_it_is_silent(self, ask) -> None:
        """Have a thread ask the server, and another request get the permit before it answers."""

        def work():
            try:
                with self.permits.permit(Kind.READ):
                    ask()
            except exceptions.FreezerError as error:
                self.failures.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        connection, _address = self.server.accept()
        with contextlib.closing(connection), self.permits.permit(Kind.OTHER):
            # Nothing has ended: it is the pause that lets this one have it.
            self.assertEqual([], self.failures)
            self.assertTrue(thread.is_alive())
        self.server.close()
        thread.join(LONG)
        self.assertFalse(thread.is_alive())
        self.assertEqual(1, len(self.failures))
        # All permits were given back.
        self.permits.take(Kind.READ)

    def test_elasticsearch(self):
        self.conf.set_override('driver', 'elasticsearch', 'storage')
        self.conf.set_override('hosts', [self.url], 'elasticsearch')
        storage = db.load(self.conf)
        self.addCleanup(storage.close)
        self.while_it_is_silent(storage.check)

    def test_keystone(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        file = folder / 'freezer-api.conf'
        lines = [
            '[keystone_authtoken]',
            'auth_type = password',
            f'auth_url = {self.url}/v3',
            'username = freezer',
            'password = secret',
            'user_domain_id = default',
        ]
        file.write_text('\n'.join(lines))
        self.conf([], default_config_files=[str(file)], default_config_dirs=[])
        keystone = identity.Identity(self.conf)
        self.while_it_is_silent(
            lambda: keystone.holds_trust('token', 'trust', 'user', 'alpha', ['member'])
        )
