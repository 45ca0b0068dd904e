"""The hosts of a cluster, as logs and commands name them."""

import testtools

from freezer_api import conf as configuration
from freezer_api.db.elasticsearch.connections import hosts


class TestAddresses(testtools.TestCase):
    """``[elasticsearch] hosts`` without credentials."""

    def addresses(self, *named: str) -> list[str]:
        conf = configuration.new()
        conf([], default_config_files=[], default_config_dirs=[])
        conf.set_override('hosts', list(named), 'elasticsearch')
        return hosts.addresses(conf.elasticsearch)

    def test_user_and_password_are_left_out(self):
        found = self.addresses('https://user:secret@es.example.org:9201', 'es.example.org')
        self.assertEqual(['https://es.example.org:9201', 'http://es.example.org:9200'], found)

    def test_password_with_an_at_sign_is_left_out_as_a_whole(self):
        found = self.addresses('http://user:se@cr@et@es.example.org:9200/path')
        self.assertEqual(['http://es.example.org:9200/path'], found)
