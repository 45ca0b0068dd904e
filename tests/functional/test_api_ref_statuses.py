"""The API reference lists the statuses that the application answers: each is provoked where it is
listed, and nowhere else.
"""

import json
import re
import typing

import fixtures
import testtools

from freezer_api import app, db
from freezer_api.domain import session_state
from tests.functional import base, reference, samples

OTHER = 'other'
IDS = {
    'project_id': samples.PROJECT,
    'session_id': samples.SESSION,
    'job_id': samples.DB_JOB,
    'action_id': samples.ACTION,
    'client_id': samples.WEB,
    'backup_id': samples.BACKUP,
    'session_tag': '1',
}
SERVICE = {'HTTP_X_ROLES': 'member,service'}
STRANGER = {**SERVICE, 'HTTP_X_PROJECT_ID': OTHER}
#: What makes a request that would do one that is answered so, if the operation has that status at
#: all.
SPOILT: dict[int, dict[str, str]] = {
    304: {'HTTP_IF_NONE_MATCH': '*'},
    400: {'QUERY_STRING': 'twice=1&twice=2'},
    401: {'HTTP_X_IDENTITY_STATUS': 'Invalid'},
    403: {'HTTP_X_ROLES': 'stranger'},
    406: {'HTTP_ACCEPT': 'text/html'},
    412: {'HTTP_IF_MATCH': '"stale"'},
    413: {'CONTENT_LENGTH': str(2**40)},
}
BACKUP = {'freezer_action': {'action': 'backup'}}
FULL = f'/sessions/{session_state.MAX_TAG}'
#: Makes a central client and a job on it in another project, a client unable to do what its job
#: does, a session at its last tag.
SCENE = [
    (
        samples.Step(
            '', 'POST', f'/v2/{OTHER}/clients', {'client_id': 'central', 'is_central': True}
        ),
        STRANGER,
    ),
    (
        samples.Step(
            '',
            'POST',
            f'/v2/{OTHER}/jobs',
            {'job_id': samples.DB_JOB, 'client_id': 'central', 'job_actions': [BACKUP]},
        ),
        STRANGER,
    ),
    (
        samples.Step('', 'POST', '/clients', {'client_id': samples.DB, 'supported_modes': ['fs']}),
        {},
    ),
    (samples.Step('', 'POST', FULL, {'schedule': {}, 'session_tag': session_state.MAX_TAG}), {}),
    (samples.Step('', 'PUT', f'{FULL}/jobs/{samples.WEB_JOB}'), {}),
]
#: A change of an action that jobs have which are more than can change at once.
SHARED = {'freezer_action': {'action': 'exec', 'text': 'x' * 40_000}}
WIDE = {'client_id': samples.WEB, 'job_actions': [{'action_id': 'wide'}]}
SCENE += [
    (samples.Step('', 'POST', '/actions/wide', SHARED), {}),
    *[(samples.Step('', 'POST', f'/jobs/wide{number}', WIDE), {}) for number in range(2)],
    (samples.Step('', 'POST', '/sessions/wide', {'schedule': {}}), {}),
    *[(samples.Step('', 'PUT', f'/sessions/wide/jobs/wide{number}'), {}) for number in range(2)],
]
#: A change of a session that its jobs follow.
FOLLOWED = {'schedule': {'schedule_interval': '7 days'}}
UNABLE = {'client_id': 'nowhere', 'job_actions': [BACKUP]}
TAKEN = {'job_id': samples.DB_JOB, 'client_id': samples.DB, 'job_actions': [BACKUP]}
ELSEWHERE = {'client_id': 'central', 'job_actions': [BACKUP]}
LAST = {'start': {'job_id': samples.WEB_JOB, 'current_tag': session_state.MAX_TAG}}
MYSQL = {'freezer_action': {'action': 'restore', 'mode': 'mysql'}}
#: A restore under an id that is taken, and one by a client that isn't there.
TAKEN_ID = {'session_id': samples.SESSION}
AGAIN = {**TAKEN_ID, 'jobs': {samples.DB_JOB: {'skip': True}}}
NOBODY = {'client_id': 'nowhere'}
#: Bodies for the statuses that depend on the operation, by its title.
PARTICULAR: dict[str, list[typing.Any]] = {
    'Update session': [{'session_tag': 99}],
    'Update session named in the body': [{'session_id': samples.SESSION, 'session_tag': 99}],
    'Replace or create session': [FOLLOWED],
    'Remove session': [FOLLOWED],
    'Start session': [LAST, {'dance': {}}],
    'End session': [{'dance': {}}],
    'Start or end session, for older clients': [LAST, {'dance': {}}],
    'Create job': [TAKEN, UNABLE],
    'Update job': [UNABLE, ELSEWHERE],
    'Replace or create job': [UNABLE, ELSEWHERE],
    'Create action': [{'action_id': samples.ACTION, **BACKUP}],
    'Update action': [MYSQL, SHARED],
    'Replace or create action': [MYSQL, SHARED],
    'Remove action': [SHARED],
    'Register client': [{'client_id': 'central', 'is_central': True}],
    'Restore run': [AGAIN, NOBODY],
    'Verify run': [AGAIN, NOBODY],
    'Restore backup': [TAKEN_ID, NOBODY],
}


def path_of(section: reference.Section, **ids: str) -> str:
    """The path of an operation on what the scenario has made; ``ids`` take the place of its ids."""
    return re.sub(r'\{(\w+)\}', lambda match: {**IDS, **ids}[match[1]], section.path)


def body_of(section: reference.Section) -> str | None:
    """The first of the bodies that the reference shows for an operation."""
    names = [name for name in section.samples if name.endswith('-request.json')]
    return (samples.FOLDER / names[0]).read_text() if names else None


def missing(number: int) -> dict[str, str]:
    """Ids of documents that aren't there."""
    return {
        name: f'missing-{number}' for name in IDS if name not in ('project_id', 'session_tag')
    } | {'session_tag': '999'}


def operations() -> list[reference.Section]:
    """The operations on documents."""
    return [section for section in reference.operations() if '{project_id}' in section.path]


class TestStatuses(testtools.TestCase):
    """On a service with what the scenario of the samples has made."""

    def setUp(self) -> None:
        super().setUp()
        self.stage = self.useFixture(samples.Stage())
        for step in samples.STEPS:
            self.stage.play(step)

    def spoilt(self, section: reference.Section, number: int) -> set[int]:
        """The codes that are answered to what should provoke them. What might succeed in deleting
        has nothing to delete.
        """
        path = path_of(section, **(missing(number) if section.verb == 'DELETE' else {}))
        body = body_of(section)
        found = {
            code
            for code, environ in SPOILT.items()
            if self.stage.call(section.verb, path, body, environ).code == code
            and (code != 304 or section.verb == 'GET')
        }
        return found | ({753} & {self.stage.call(section.verb, path, '{').code})

    def test_common_errors_are_documented(self):
        for number, section in enumerate(operations()):
            documented = section.codes('error') | section.codes('success') & {304}
            self.assertEqual(
                documented - {404, 405, 409, 422, 503}, self.spoilt(section, number), section.title
            )

    def test_not_found_is_documented_with_its_reason(self):
        """With a reason of its own where only a path that can't be is not found."""
        for number, section in enumerate(operations()):
            wrong = self.stage.call(
                section.verb, path_of(section, project_id='.none'), body_of(section)
            )
            self.assertEqual(404, wrong.code, section.title)
            body = (body_of(section) or '').replace(samples.SESSION, 'missing')
            absent = self.stage.call(
                section.verb, path_of(section, **missing(number)), body or None
            )
            reason = section.statuses['error'][404]
            self.assertEqual(reason != 'path', absent.code == 404, section.title)

    def test_errors_of_particular_bodies_are_documented(self):
        for step, identity in SCENE:
            answer = self.stage.call(
                step.verb, step.url, None if step.body is None else json.dumps(step.body), identity
            )
            self.assertIn(answer.code, (201, 204), answer.raw)
        self.stage.service.storage.max_response_size = 65_536
        for section in operations():
            documented = section.codes('error') & {405, 409, 422}
            found = [self.particular(section, body) for body in PARTICULAR.get(section.title, [])]
            self.assertEqual(sorted(documented), sorted(found), section.title)

    def particular(self, section: reference.Section, body: typing.Any) -> int:
        """The code that is answered to a body."""
        identity = SERVICE if 'is_central' in body else {}
        ids = {}
        if body is LAST:
            ids['session_id'] = FULL.rpartition('/')[2]
        if body is SHARED:
            ids['action_id'] = 'wide'
        if body is FOLLOWED:
            ids['session_id'] = 'wide'
        path = path_of(section, **ids)
        return self.stage.call(section.verb, path, json.dumps(body), identity).code


class TestStorage(testtools.TestCase):
    def test_unavailable_storage_is_documented(self):
        """All that reads or writes documents says so when there is no database."""
        self.useFixture(fixtures.FakeLogger())
        service = self.useFixture(base.Service())
        service.conf.set_override(
            'connection', f'sqlite:///{service.folder}/no/such.sqlite', 'database'
        )
        storage = db.load(service.conf)
        self.addCleanup(storage.close)
        application = app.build(service.conf, storage, authenticate=samples.Person)
        for section in operations():
            answer = samples.sent(application, section.verb, path_of(section), body_of(section))
            self.assertEqual(503, answer.code, section.title)
            self.assertIn(503, section.codes('error'), section.title)
