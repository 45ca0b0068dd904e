"""Horizon with the published plugin, and the project and user that a test logs in as."""

import json
import pathlib
import typing
import uuid

import fixtures
import testtools

from tests import servers
from tests.live import dialogues, programs
from tests.servers import identity, keystone, process

DRIVER = pathlib.Path(__file__).with_name('dashboard') / 'driver.py'
PROJECT = '/project/'


class Tenant(fixtures.Fixture):
    """A project whose catalogue has one cloud's API alone, and a user of it. They last as long as
    the tests' Keystone.

    The plugin takes the first address of a service of type ``backup`` in a catalogue, whatever its
    region. And python-freezerclient, given a token, asks for a new one without naming a project:
    Keystone issues it for the user's default project, so that the plugin works in that one alone.
    """

    def __init__(self, region: str, role: str = 'member', default_project: bool = True):
        super().__init__()
        self.region, self.role, self.default_project = region, role, default_project
        self.name = f'horizon-{uuid.uuid4().hex}'
        self.project_id = self.user_id = ''

    def _setUp(self) -> None:
        administrator = identity.Administrator()
        self.project_id = administrator.add('project', name=self.name, domain_id='default')
        default = {'default_project_id': self.project_id} if self.default_project else {}
        self.user_id = administrator.add(
            'user', name=self.name, domain_id='default', password=keystone.PASSWORD, **default
        )
        administrator.grant(self.role, self.user_id, self.project_id)
        (itself,) = administrator.find('service', type='identity')
        for keys in (
            {'region_id': self.region},
            {'region_id': 'RegionOne', 'service_id': itself['id']},
        ):
            (endpoint,) = administrator.find('endpoint', interface='public', **keys)
            administrator.ask(
                'PUT', f'OS-EP-FILTER/projects/{self.project_id}/endpoints/{endpoint["id"]}'
            )

    def token(self) -> str:
        """A token of the user in the project."""
        return identity.token_of(self.name, self.name).id


class Horizon(fixtures.Fixture):
    """Horizon in a process of its own, and a browser on it."""

    def _setUp(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        self.log = pathlib.Path(folder, 'log')
        python = programs.environment('FREEZER_TEST_DASHBOARD', 'python')
        with self.log.open('wb') as log:
            self._driver = self.useFixture(
                dialogues.Child(python, str(DRIVER), cwd=folder, stderr=log)
            )

    def said(self) -> list[str]:
        """The lines that it has logged, but for those that say that there is no network service."""
        return [
            line for line in self.log.read_text().splitlines() if line and 'Neutron' not in line
        ]

    def ask(self, **request: typing.Any) -> dict:
        """What the driver answers."""
        try:
            (line,) = self._driver.ask(f'{json.dumps(request)}\n')
        except process.ServerFailed as error:
            raise AssertionError(f'{error}{self.log.read_text()[-4000:]}') from error
        return json.loads(line)


class DashboardTest(testtools.TestCase):
    """A user of a new, empty project, logged in to Horizon. One cloud and one Horizon serve a class
    of tests.
    """

    cloud: programs.Cloud
    horizon: Horizon
    store = servers.MYSQL

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cloud = programs.shared(cls, programs.Cloud(store=cls.store))
        cls.horizon = programs.shared(cls, Horizon())

    def setUp(self) -> None:
        super().setUp()
        self.exercised: dict[str, set] = {'urls': set(), 'actions': set()}
        self.tenant = self.useFixture(Tenant(self.cloud.region))
        self.api = programs.Project(self.cloud.url, self.tenant.project_id, self.tenant.token())
        self.log_in(self.tenant)

    def log_in(self, tenant: Tenant) -> None:
        """Fill in the form of the log-in page, in a new browser."""
        self.horizon.ask(kind='open')
        form = self.send('/auth/login/')['forms'][0]
        answer = self.send(
            form['action'], data=changed(form, username=tenant.name, password=keystone.PASSWORD)
        )
        self.assertEqual(302, answer['status'])
        self.assertEqual('/', answer['location'])
        self.assertEqual([], answer['messages'])

    def send(self, path: str, **asked: typing.Any) -> dict:
        """What is answered at a path, without any judgement."""
        answer = self.horizon.ask(kind='send', path=path, **asked)
        self.exercised['urls'].add(answer['view'].removeprefix('horizon:project:'))
        return answer

    def visit(self, path: str, ajax: bool = False, **asked: typing.Any) -> dict:
        """The page at a path below the project's, which must be there and have no complaint.
        ``ajax``: as a dialogue.
        """
        answer = self.send(PROJECT + path.removeprefix(PROJECT), ajax=ajax, **asked)
        self.assertEqual(200, answer['status'], self.why(answer))
        self.assertEqual([], answer['messages'], self.why(answer))
        self.assertEqual('', answer['location'], self.why(answer))
        return answer

    def control(self, page: dict, name: str, row: str | None = None) -> dict:
        """A button or link of a page's table, or of one row of it."""
        found = [
            action for action in page['actions'] if (action['action'], action['row']) == (name, row)
        ]
        self.assertEqual(1, len(found), page['actions'])
        self.exercised['actions'].add((panel_of(page['forms'][-1]), found[0]['table'], name))
        return found[0]

    def follow(self, page: dict, name: str, row: str | None = None) -> dict:
        """The dialogue that a link of a page's table opens."""
        return self.visit(self.control(page, name, row)['link'], ajax=True)

    def press(
        self, page: dict, name: str, row: str | None = None, ticked: tuple[str, ...] = ()
    ) -> list:
        """Press a button of a page's table with some rows ticked; what the user is told, where
        nothing is refused.
        """
        control = self.control(page, name, row)
        form = next(form for form in page['forms'] if form['action'] == control['form'])
        fields = [field for field in form['fields'] if field[0] != 'object_ids']
        answer = self.send(
            form['action'],
            data=[*fields, ['action', control['value']], *(['object_ids', one] for one in ticked)],
        )
        self.assertEqual(302, answer['status'], self.why(answer))
        self.assertTrue(answer['location'].startswith(form['action']), answer['location'])
        return answer['messages']

    def save(
        self, dialogue: dict, done: str, location: str, referer: str = '', **fields: typing.Any
    ) -> None:
        """Fill in a dialogue and save it: the user is told that it is done, and comes to another
        page.
        """
        answer = self.sent(dialogue, referer, **fields)
        self.assertEqual(200, answer['status'], self.why(answer))
        self.assertEqual([['success', done]], answer['messages'], self.why(answer))
        self.assertEqual(PROJECT + location, answer['location'], self.why(answer))

    def sent(self, dialogue: dict, referer: str = '', **fields: typing.Any) -> dict:
        """Fill in a dialogue and save it, whatever is answered."""
        (form,) = dialogue['forms']
        return self.send(form['action'], ajax=True, data=changed(form, **fields), referer=referer)

    def filtered(self, page: dict, table: str, text: str) -> dict:
        """The page with one of its tables filtered by a text, as the field above the table does."""
        field = f'{table}__filter__q'
        form = next(form for form in page['forms'] if field in dict(form['fields']))
        self.exercised['actions'].add((panel_of(form), table, 'filter'))
        answer = self.send(form['action'], data=changed(form, **{field: text}))
        self.assertIn(
            (answer['status'], answer['location'], answer['messages']),
            ((200, '', []), (302, form['action'], [])),
        )
        return self.visit(form['action']) if answer['location'] else answer

    def assertExercised(self, panel: str) -> None:
        """All of a panel's URLs and buttons have been asked for or pressed by this test."""
        there = self.horizon.ask(kind='inventory')[panel]
        self.assertEqual(
            [], [name for name in there['urls'] if f'{panel}:{name}' not in self.exercised['urls']]
        )
        self.assertEqual(
            [],
            [pair for pair in there['actions'] if (panel, *pair) not in self.exercised['actions']],
        )

    def why(self, answer: dict) -> str:
        """What helps to understand an answer that isn't as it should be."""
        forms = [form['errors'] for form in answer.get('forms', ()) if form['errors']]
        return (
            f'{answer["messages"]} {forms}'
            f' {answer.get("text", "")[:500]}\n{self.horizon.log.read_text()[-3000:]}'
        )


def panel_of(form: dict) -> str:
    """The panel that a form is sent to."""
    return form['action'].removeprefix(PROJECT).partition('/')[0]


def changed(form: dict, **fields: typing.Any) -> list:
    """What a browser sends when these fields have been changed; a list gives a field several
    values, None takes it out.
    """
    sent = [[name, value] for name, value in form['fields'] if name not in fields]
    for name, values in fields.items():
        sent += [
            [name, value]
            for value in (
                values if isinstance(values, list) else [] if values is None else [values]
            )
        ]
    return sent
