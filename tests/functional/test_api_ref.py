"""The API reference says what the service does: its routes, parameters, statuses and samples are
held against the application.
"""

import json
import re
import typing

import testtools

from freezer_api import middleware
from freezer_api.controllers import routes, routing
from freezer_api.domain import clients, session_state
from freezer_api.schemas import actions as action_schemas
from freezer_api.schemas import backups as backup_schemas
from freezer_api.schemas import base as schemas
from freezer_api.schemas import clients as client_schemas
from freezer_api.schemas import jobs as job_schemas
from freezer_api.schemas import restores as restore_schemas
from freezer_api.schemas import schedules
from freezer_api.schemas import sessions as session_schemas
from tests.functional import reference, samples

REQUEST, RESPONSE = 'Request Parameters', 'Response Parameters'
PLACES = ['header', 'path', 'query', 'body']
HEALTH = {('GET', middleware.HEALTHCHECK_PATH), ('GET', middleware.READINESS_PATH)}


def endpoints() -> dict[tuple[str, str], typing.Any]:
    """What the route table has, by verb and path."""
    found = [routing.Route(pattern, verbs) for pattern, verbs in routes.table(None, 1000).items()]
    return {
        (verb, route.pattern or '/'): endpoint
        for route in found
        for verb, endpoint in route.endpoints.items()
        if verb != 'HEAD'
    }


def operation(step: samples.Step) -> list[reference.Section]:
    """The sections that a step of the scenario belongs to."""
    path = step.url.partition('?')[0]
    return [
        section
        for section in reference.operations()
        if section.verb == step.verb
        and re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', section.path), path)
    ]


class TestRoutes(testtools.TestCase):
    def test_every_route_has_a_section_and_every_section_a_route(self):
        documented = {(section.verb, section.path) for section in reference.operations()}
        self.assertEqual({*endpoints(), *HEALTH}, documented)

    def test_success_codes_are_those_of_the_endpoints(self):
        for section in reference.operations():
            if (section.verb, section.path) not in HEALTH:
                endpoint = endpoints()[section.verb, section.path]
                self.assertEqual(endpoint.codes, section.codes('success') - {304}, section.title)

    def test_parameters_are_those_of_the_endpoints(self):
        for section in reference.operations():
            endpoint = endpoints().get((section.verb, section.path))
            self.assertEqual(
                set(re.findall(r'\{(\w+)\}', section.path)),
                set(section.names(REQUEST, 'path')),
                section.title,
            )
            self.assertEqual(
                endpoint.parameters if endpoint else set(),
                set(section.names(REQUEST, 'query')),
                section.title,
            )

    def test_every_file_is_included(self):
        included = re.findall(
            r'^\.\. include:: (\S+)$', (reference.SOURCE / 'index.rst').read_text(), re.MULTILINE
        )
        self.assertEqual({file.name for file in reference.SOURCE.glob('*.inc')}, set(included))


class TestTables(testtools.TestCase):
    def test_every_parameter_is_described_and_used(self):
        used = {
            key
            for section in reference.sections()
            for rows in section.tables.values()
            for _name, key in rows
        }
        self.assertEqual(set(reference.parameters()), used)

    def test_descriptions_are_whole_and_in_order(self):
        for key, parameter in reference.parameters().items():
            self.assertEqual({'description', 'in', 'required', 'type'}, set(parameter), key)
        places = [
            (PLACES.index(parameter['in']), key.lower())
            for key, parameter in reference.parameters().items()
        ]
        self.assertEqual(sorted(places), places)

    def test_every_reason_is_given_and_used(self):
        used = {
            (code, reason)
            for section in reference.operations()
            for codes in section.statuses.values()
            for code, reason in codes.items()
        }
        given = {
            (code, reason) for code, reasons in reference.statuses().items() for reason in reasons
        }
        self.assertEqual(set(), used - given)
        self.assertEqual(
            set(), {(code, reason) for code, reason in given - used if reason != 'default'}
        )


def _with(
    schema: schemas.Schema, required: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> schemas.Schema:
    """A schema with what is said about a body by other code than the schema."""
    properties = {key: value for key, value in schema['properties'].items() if key not in without}
    return {
        **schema,
        'properties': properties,
        'required': [key for key in (*schema['required'], *required) if key not in without],
    }


def _inside(name: str, schema: schemas.Schema) -> schemas.Schema:
    """The body that has an object, with the keys of the object after a dot."""
    required = [name, *(f'{name}.{key}' for key in schema['required'])]
    return {
        'properties': {
            name: schema,
            **{f'{name}.{key}': value for key, value in schema['properties'].items()},
        },
        'required': required,
    }


def _joined(*records: schemas.Schema) -> schemas.Schema:
    """The body that has the keys of several."""
    return {
        'properties': {
            key: value for record in records for key, value in record['properties'].items()
        },
        'required': [key for record in records for key in record['required']],
    }


SCHEDULED = _with(session_schemas.SESSION, required=('schedule',))
NAMED = {
    **session_schemas.PATCH,
    'properties': {'session_id': schemas.ID, **session_schemas.PATCH['properties']},
    'required': ['session_id'],
}
STARTED = _inside(
    'start', _with(session_schemas.ACTIONS['properties']['start'], without=('result',))
)
ENDED = _inside('end', session_schemas.ACTIONS['properties']['end'])
EITHER = {
    'properties': {**STARTED['properties'], **ENDED['properties']},
    'required': [key for key in (*STARTED['required'], *ENDED['required']) if '.' in key],
}
TOLD = _with(backup_schemas.METADATA, required=('backup_name', 'time_stamp'))
RECORDED = _joined(backup_schemas.STATUS, _with(backup_schemas.METADATA, required=('backup_name',)))
DIVIDED = _joined(
    backup_schemas.STATUS, schemas.record({'backup_metadata': backup_schemas.METADATA})
)
#: The schema of the body that each operation takes, or that each part has.
BODIES = {
    'Create session': SCHEDULED,
    'Update session': session_schemas.PATCH,
    'Replace or create session': SCHEDULED,
    'Update session named in the body': NAMED,
    'Start session': STARTED,
    'End session': ENDED,
    'Start or end session, for older clients': EITHER,
    'Create job': job_schemas.JOB,
    'Update job': _with(job_schemas.PATCH, without=('job_id',)),
    'Replace or create job': _with(job_schemas.JOB, without=('job_id',)),
    'Create action': action_schemas.ACTION,
    'Update action': action_schemas.PATCH,
    'Replace or create action': _with(action_schemas.ACTION, without=('action_id',)),
    'Register client': client_schemas.CLIENT,
    'Restore run': restore_schemas.RESTORE,
    'Verify run': restore_schemas.VERIFICATION,
    'Restore backup': restore_schemas.RESTORE,
    'Members of restores': restore_schemas.WISH,
    'Create backup': RECORDED,
    'Update backup': DIVIDED,
    'Metadata of backups': TOLD,
    'Schedules': schedules.SCHEDULE,
    'Entries of job_actions': job_schemas.ENTRY,
    'Definitions of actions': action_schemas.DEFINITION,
}
#: What the bodies have that no schema describes.
OTHERS = {'match', 'match_not', 'time_after', 'time_before', 'start', 'stop', 'abort'}
#: The keys of the parts that are only shown.
SHOWN = {
    'Members of sessions': set(session_state.Member('client').shown()),
    'Descriptions of clients': set(clients.KEYS),
    'Errors': {'title', 'description', 'code'},
}


class TestBodies(testtools.TestCase):
    def test_documented_keys_are_those_of_the_schemas(self):
        for section in reference.sections():
            documented = section.names(REQUEST if section.verb else '', 'body')
            schema = BODIES.get(section.title, {'properties': {}, 'required': []})
            if section.title in SHOWN:
                self.assertEqual(SHOWN[section.title], set(documented), section.title)
            elif section.title in BODIES:
                self.assertEqual(set(schema['properties']), set(documented), section.title)
                required = {name for name, said in documented.items() if said['required']}
                self.assertEqual(set(schema['required']), required, section.title)
            else:
                self.assertEqual(set(), set(documented) - OTHERS, section.title)

    def test_documented_limits_are_those_of_the_schemas(self):
        for section in reference.sections():
            for name, said in section.names(REQUEST if section.verb else '', 'body').items():
                schema = BODIES.get(section.title, {'properties': {}})['properties'].get(name)
                if schema is not None:
                    self.check(f'{section.title}: {name}', schema, said)

    def check(self, place: str, schema: schemas.Schema, said: dict[str, typing.Any]) -> None:
        """What is said about a key must name its type, its choices and its bounds."""
        kind = schema.get('type', 'string')
        self.assertEqual(kind[0] if isinstance(kind, list) else kind, said['type'], place)
        words = schema.get('enum', schema.get('items', {}).get('enum', ()))
        bounds = [f'{schema["maxLength"]:,}'] if 'maxLength' in schema else []
        if (
            'maximum' in schema
            and schema['maximum'] < 2**63 - 1
            and not place.endswith('.current_tag')
        ):
            bounds.append(str(schema['maximum']))
        for text in (
            [f'``{word}``' for word in words if word]
            + (['empty text'] if '' in words else [])
            + bounds
        ):
            self.assertIn(text, ' '.join(said['description'].split()), place)


class TestSamples(testtools.TestCase):
    def test_samples_are_current(self):
        found = {file.name: file.read_text() for file in samples.FOLDER.iterdir()}
        self.assertEqual(dict(samples.made()), found, 'run python -m tests.functional.samples')

    def test_error_codes_are_current(self):
        self.assertEqual(
            samples.codes(), samples.CODES.read_text(), 'run python -m tests.functional.samples'
        )

    def test_every_sample_is_included(self):
        included = [name for section in reference.operations() for name in section.samples]
        self.assertEqual(sorted(file.name for file in samples.FOLDER.iterdir()), sorted(included))

    def test_samples_are_answered_as_documented(self):
        stage = self.useFixture(samples.Stage())
        for step in (*samples.STEPS, *samples.CLEARING):
            request, response = (
                samples.FOLDER / f'{step.name}-{way}.json' for way in ('request', 'response')
            )
            body = json.loads(request.read_text()) if request.exists() else None
            answer = stage.play(step, body)
            sections = operation(step)
            self.assertTrue(sections, step)
            for section in sections:
                self.assertIn(answer.code, section.codes('success'), answer.raw)
                self.assertEqual(
                    'ETag' in answer.headers,
                    'ETag' in section.names(RESPONSE, 'header'),
                    section.title,
                )
            if response.exists():
                self.assertEqual(json.loads(response.read_text()), answer.json)

    def test_every_operation_is_played(self):
        played = {
            section.title
            for step in (*samples.STEPS, *samples.CLEARING)
            for section in operation(step)
        }
        self.assertEqual(
            {'Check the process', 'Check the service'},
            {section.title for section in reference.operations()} - played,
        )

    def test_documented_keys_are_those_of_the_answers(self):
        for section in reference.operations():
            documented = section.names(RESPONSE, 'body')
            required = {name for name, said in documented.items() if said['required']}
            for name in section.samples:
                if name.endswith('-response.json'):
                    keys = set(json.loads((samples.FOLDER / name).read_text()))
                    self.assertEqual(required, required & keys, name)
                    self.assertEqual(set(), keys - set(documented), name)
