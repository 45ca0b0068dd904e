"""What searches find: one table of documents and cases for every kind, for all drivers and for the
definition itself.
"""

import collections.abc
import dataclasses
import typing
import unicodedata

from freezer_api.domain import sessions
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
    Body,
)
from freezer_api.tests.contract import bodies, project_operations

NFC, NFD = unicodedata.normalize('NFC', 'é'), unicodedata.normalize('NFD', 'é')
NOW = 1_428_529_956
#: Match, match_not, the ids that it finds; and the bounds of the search where it has some.
Case = tuple[typing.Any, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """Documents of a kind, each by what makes it differ from another, and what searches find among
    them.
    """

    kind: str
    documents: collections.abc.Mapping[str, Body]
    cases: tuple[Case, ...]

    def body(self, id: str, project_id: str) -> Body:
        """One of the documents as a storage keeps it; a session's as it shows it."""
        given = self.documents[id]
        if self.kind == SESSIONS:
            return sessions.create(project_id, id, 'user', given, 0).body()
        return given if self.kind == ACTIONS else MAKERS[self.kind](id, project_id, **given)

    def fill(self, project: project_operations.Project) -> None:
        """Store the documents, and the trust that jobs of them have."""
        if self.kind == JOBS:
            project.put_trust('t')
        for id, given in self.documents.items():
            if self.kind == SESSIONS:
                project.put_session(id, **given)
            else:
                project.put(self.kind, id, self.body(id, project.project_id))

    def searches(self) -> collections.abc.Iterator[tuple[Body, list[str]]]:
        """The searches as a caller sends them, and the ids that they find."""
        for match, match_not, found, *bounds in self.cases:
            yield (
                {'match': match, 'match_not': match_not, **(bounds[0] if bounds else {})},
                list(found),
            )


MAKERS: dict[str, collections.abc.Callable[..., Body]] = {
    JOBS: bodies.job_body,
    CLIENTS: bodies.client_body,
    BACKUPS: bodies.backup_body,
}

#: Documents of any shape, as no action has: a storage takes them all alike.
ANYTHING: dict[str, Body] = {
    'scalars': {'s': 'x', 'n': 50, 'f': 1.5, 't': True, 'z': None, 'e': ''},
    'types': {'s': '50', 'n': 50.0, 'f': -1, 't': 1, 'z': 'None', 'e': None},
    'deep': {'o': {'s': 'x', 'p': {'n': 51, 'only': {'here': True}}}},
    'shadowed': {'s': 'y', 'o': {'s': 'x'}, 'n': {'n': 50}},
    'shadowed by nothing': {'s': [], 'o': {'s': 'x'}},
    'arrays': {'s': ['x', 'y', ['z', None]], 'l': [{'n': 1}, {'n': 2, 'q': [{'r': 3}]}], 'n': []},
    'cases': {'s': 'X', 'S': 'x', 'o.s': 'x'},
    'blanks': {'s': 'x ', 's ': 'x', 'e': ' '},
    'composed': {'s': NFC},
    'decomposed': {'s': NFD},
    'big': {'n': 2**63 - 1, 'f': 2**53 + 1, 'm': -(2**63)},
    'rounded': {'n': 2.0**63, 'f': float(2**53), 'm': -0.0},
    'long': {'s': 'a' * 999 + 'NEEDLE' + 'x' * 4000, 'n': 1e300},
    'longer': {'s': 'a' * 990 + 'NEEDLE', 'n': 1e-300},
    'signs': {'s': '100%_*\\', 'e': "'; DROP"},
    'sharp': {'s': 'Straße', 'k': 'İstanbul'},
    'nothing': {},
    'upper': {'s': 'STRASSE', 'k': '😀 Ünïcode'},
    'nul': {'s': 'a b', 'e': 'ab'},
}
#: What they are found by.
OF_ANYTHING: tuple[Case, ...] = (
    ([], [], tuple(ANYTHING)),
    ([{'s': 'x'}], [], ('scalars', 'deep', 'arrays')),
    ([{'s': 'y'}], [], ('shadowed', 'arrays')),
    ([{'s': 'z'}], [], ('arrays',)),
    ([{'s': 'X'}], [], ('cases',)),
    ([{'S': 'x'}], [], ('cases',)),
    ([{'o.s': 'x'}], [], ('cases',)),
    ([{'s': 'x '}], [], ('blanks',)),
    ([{'s ': 'x'}], [], ('blanks',)),
    ([{'e': ''}], [], ('scalars',)),
    ([{'e': ' '}], [], ('blanks',)),
    ([{'e': None}], [], ('types',)),
    ([{'s': NFC}], [], ('composed',)),
    ([{'s': NFD}], [], ('decomposed',)),
    ([{'n': 50}], [], ('scalars', 'types')),
    ([{'n': 50.0}], [], ('scalars', 'types')),
    ([{'n': '50'}], [], ()),
    ([{'s': 50}], [], ()),
    ([{'n': True}], [], ()),
    ([{'t': True}], [], ('scalars',)),
    ([{'t': 1}], [], ('types',)),
    ([{'t': 'True'}], [], ()),
    ([{'z': None}], [], ('scalars',)),
    ([{'z': 'None'}], [], ('types',)),
    ([{'z': ''}], [], ()),
    ([{'missing': None}], [], ()),
    ([{'f': 1.5}], [], ('scalars',)),
    ([{'f': -1.0}], [], ('types',)),
    ([{'n': 51}], [], ('deep',)),
    ([{'here': True}], [], ('deep',)),
    ([{'only': None}], [], ()),
    ([{'n': 1}], [], ()),
    ([{'q': None}], [], ()),
    ([{'r': 3}], [], ('arrays',)),
    ([{'n': 2**63 - 1}], [], ('big',)),
    ([{'n': 2.0**63}], [], ('rounded',)),
    ([{'f': 2**53}], [], ('rounded',)),
    ([{'f': 2**53 + 1}], [], ('big',)),
    ([{'m': 0}], [], ('rounded',)),
    ([{'m': -(2**63)}], [], ('big',)),
    ([{'n': 1e300}], [], ('long',)),
    ([{'n': 1e-300}], [], ('longer',)),
    ([{'s': 'a' * 990 + 'NEEDLE'}], [], ('longer',)),
    ([{'s': 'a' * 990}], [], ()),
    ([{'s': 'x'}, {'n': 50}], [], ('scalars',)),
    ([{'s': 'x'}, {'s': 'y'}], [], ('arrays',)),
    ([{'s': 'x'}, {'s': 'X'}], [], ()),
    ([{'s': 'x'}], [{'n': 50}], ('deep', 'arrays')),
    ([{'s': 'x'}], [{'n': 50}, {'n': 51}], ('arrays',)),
    ([{'s': 'x'}], [{'s': 'x'}], ()),
    ([{'n': 50}], [{'z': None}, {'missing': None}], ('types',)),
    (
        [],
        [{'s': 'x'}, {'s': 'y'}, {'n': 50}],
        tuple(
            id for id in ANYTHING if id not in ('scalars', 'types', 'deep', 'shadowed', 'arrays')
        ),
    ),
    ([{'_all': 'needle'}], [], ('longer',)),
    ([{'_all': 'NEEDL'}], [], ('longer',)),
    ([{'_all': '100%'}], [], ('signs',)),
    ([{'_all': '%'}], [], ('signs',)),
    ([{'_all': '_'}], [], ('signs',)),
    ([{'_all': '*'}], [], ('signs',)),
    ([{'_all': '\\'}], [], ('signs',)),
    ([{'_all': "'; drop"}], [], ('signs',)),
    ([{'_all': 'strasse'}], [], ('sharp', 'upper')),
    ([{'_all': 'ß'}], [], ('sharp', 'upper')),
    ([{'_all': '😀 ü'}], [], ('upper',)),
    ([{'_all': 'i\u0307STANBUL'}], [], ('sharp',)),
    ([{'_all': NFC.upper()}], [], ('composed',)),
    ([{'_all': '50'}], [], ('types',)),
    ([{'_all': 'none'}], [], ('types',)),
    ([{'_all': 'a b'}], [], ('nul',)),
    ([{'_all': 'bab'}], [], ()),
    ([{'_all': 'strasse'}, {'_all': 'ünï'}], [], ('upper',)),
    ([{'_all': 'strasse'}], [{'_all': 'ünï'}], ('sharp',)),
    ([{'_all': ''}], [], tuple(ANYTHING)),
    ([], [{'_all': ''}], ()),
    ([{'_all': '[]'}], [], ()),
    ([], [{'_all': '[]'}], tuple(ANYTHING)),
    ([{'_all': '[{"s": "x"}, {"n": 50}]'}], [], ('scalars',)),
    ([{'_all': '[{"s": "x"}]'}, {'n': 51}], [], ('deep',)),
    ([{'s': 'x'}], [{'_all': '[{"n": 51}, {"n": 50}]'}], ('arrays',)),
    ([{'_all': '{"match": [{"s": "x"}], "match_not": [{"n": 50}]}'}], [], ('deep', 'arrays')),
    ([{'s': 'x'}], [{'_all': '{"match": [{"n": 50}], "match_not": [{"n": 51}]}'}], ('deep',)),
    ([{'_all': '{"match": [{"_all": "STRASSE"}]}'}], [{'_all': 'ünï'}], ('sharp',)),
    ([{'_all': '{}'}], [], ()),
    ([{'s': 'y'}, {'_all': 'Y'}], [{'_all': 'z'}], ('shadowed',)),
    (
        [],
        [{'_all': 'a'}, {'_all': 'x'}],
        ('types', 'composed', 'decomposed', 'big', 'rounded', 'signs', 'nothing'),
    ),
)
#: The same as the metadata of backups; of whose other strings a text might be found.
OF_METADATA = tuple(case for case in OF_ANYTHING if '_all' not in repr(case))

SOME_JOBS: dict[str, Body] = {
    'a': {'schedule': {'status': 'completed'}},
    'b': {},
    'c': {'schedule': {'status': 'running'}},
    'd': {'schedule': {'event': 'stop', 'current_pid': 5}},
    'e': {'schedule': {'status': 'Completed'}},
    'f': {'client_id': 'x', '_central': 'p'},
    'g': {
        'client_id': 'x',
        'description': 'Every Night',
        'session_id': 's',
        'session_tag': 3,
        'schedule': {'schedule_interval': '5 days', 'schedule_day': '1', 'time_started': NOW},
        'job_actions': [
            {
                'action_id': 'one',
                'max_retries': 5,
                'mandatory': False,
                'freezer_action': {
                    'action': 'backup',
                    'mode': 'fs',
                    'path_to_backup': '/etc',
                    'max-level': 7,
                    'ssh_key': None,
                    'description': 'deeper',
                },
            },
            {
                'action_id': 'two',
                'max_retries': 2,
                'mandatory': True,
                'freezer_action': {
                    'action': 'exec',
                    'command': 'Sync /etc',
                    'status': 'of the action',
                },
            },
        ],
    },
}
TRUSTED = {'client_id': 'X', 'user_credentials': {'trust_id': 't', 'trustor_user_id': 'me'}}
OF_JOBS: tuple[Case, ...] = (
    ([{'client_id': 'X'}], [{'status': 'completed'}], 'bcde'),
    ([{'client_id': 'X'}], [], 'abcde'),
    ([{'client_id': 'x'}], [], 'fg'),
    ([{'client_id': 'X'}, {'status': 'completed'}], [], 'a'),
    ([], [{'status': 'completed'}], 'bcdefg'),
    ([{'client_id': 'X'}], [{'status': 'completed'}, {'status': 'running'}], 'bde'),
    ([{'client_id': 'X'}, {'event': 'stop'}], [{'status': 'completed'}], 'd'),
    ([{'client_id': 'X'}], [{'status': 'Completed'}], 'abcd'),
    ([{'client_id': 'X'}, {'client_id': 'x'}], [{'status': 'completed'}], ''),
    ([{'current_pid': 5}], [], ''),
    ([{'client_id': 'X'}, {'_all': 'STOP'}], [{'status': 'completed'}], 'd'),
    ([{'trust_id': 't'}], [], ''),
    ([{'_central': True}], [], ''),
    ([{'_all': '[{"client_id": "X"}]'}], [{'_all': '[{"status": "completed"}]'}], 'bcde'),
    ([{'client_id': 'osX'}], [], ''),
    ([{'client_id': 'oX'}], [], ''),
    ([{'user_credentials': 'tt'}], [], ''),
    ([{'trustor_user_id': 'me'}], [], ''),
    ([{'_all': 'me'}], [], ''),
    ([{'schedule_interval': '5 days'}], [], 'g'),
    ([{'time_started': NOW}], [], 'g'),
    ([{'time_started': -1}], [], 'abcdef'),
    ([{'time_started': float(NOW)}], [{'session_tag': 0}], 'g'),
    ([], [{'session_id': ''}], 'g'),
    ([{'path_to_backup': '/etc'}, {'command': 'Sync /etc'}], [], 'g'),
    ([{'max-level': 7.0}], [], 'g'),
    ([{'ssh_key': None}], [], 'g'),
    ([{'mandatory': True}, {'mandatory': False}], [], 'g'),
    ([{'mandatory': 1}], [], ''),
    ([{'max_retries': 2}], [{'max_retries': 3}], 'g'),
    ([{'description': 'deeper'}], [], ''),
    ([{'_all': 'DEEPER'}], [], 'g'),
    ([{'status': 'of the action'}], [], ''),
    ([{'action_id': 'two'}, {'_all': 'every night'}], [{'action_id': 'three'}], 'g'),
    ([], [{'action_id': 'one'}, {'client_id': 'X'}], 'f'),
    ([{'_all': 'sync /e'}, {'_all': '[{"mode": "fs"}, {"action": "exec"}]'}], [], 'g'),
    ([{'_version': 1}], [], ''),
)

SOME_CLIENTS: dict[str, Body] = {
    'alpha': {
        'hostname': 'Host-A',
        'uuid': 'aa11zz',
        'supported_modes': ['fs', 'mysql'],
        'supported_engines': ['tar'],
    },
    'beta': {
        'hostname': 'host-a',
        'uuid': 'bb22zz',
        'supported_modes': ['fs'],
        'supported_engines': [],
        'description': 'Straße 1',
    },
    'Beta': {
        'hostname': 'host-a ',
        'uuid': 'cc33',
        'supported_modes': [],
        'description': 'the uuid aa11ZZ is another one',
    },
}
OF_CLIENTS: tuple[Case, ...] = (
    ([{'client_id': 'beta'}], [], ('beta',)),
    ([{'hostname': 'host-a'}], [], ('beta',)),
    ([{'hostname': 'Host-A'}], [], ('alpha',)),
    ([{'hostname': 'host-a '}], [], ('Beta',)),
    ([{'supported_modes': 'fs'}], [], ('alpha', 'beta')),
    ([{'supported_modes': 'fs'}, {'supported_modes': 'mysql'}], [], ('alpha',)),
    ([], [{'supported_modes': 'fs'}], ('Beta',)),
    ([{'supported_engines': 'tar'}], [], ('alpha',)),
    ([{'supported_engines': None}], [], ()),
    ([{'is_central': False}], [], tuple(SOME_CLIENTS)),
    ([{'is_central': 0}], [], ()),
    ([{'uuid': 'aa11zz'}], [], ('alpha',)),
    ([{'_all': 'AA11zz'}], [], ('alpha', 'Beta')),
    ([{'_all': '1zz'}], [{'uuid': 'aa11zz'}], ('Beta',)),
    ([{'_all': 'MYSQL'}], [], ('alpha',)),
    ([{'_all': 'strasse'}], [], ('beta',)),
    ([{'_all': 'host-a '}], [], ('Beta',)),
    ([{'_all': 'fs mysql'}], [], ()),
    ([{'client': None}], [], ()),
    ([{'client.hostname': 'host-a'}], [], ()),
    ([{'user_id': 'user'}], [{'uuid': 'cc33'}], ('alpha', 'beta')),
)

SOME_BACKUPS: dict[str, Body] = {
    'first': {
        'backup_name': 'nightly',
        'hostname': 'one',
        'container': '/var/backups',
        'time_stamp': NOW,
        'curr_backup_level': 0,
        'job_id': 'j',
        'vol_snap_path': None,
    },
    'second': {
        'backup_name': 'nightly',
        'hostname': 'one',
        'container': '/var/backups',
        'time_stamp': NOW + 3600.5,
        'level': '1',
        'session_id': 's',
        'session_tag': 3,
    },
    'third': {
        'backup_name': 'Nightly',
        'hostname': 'two',
        'container': 'swift:things',
        'time_stamp': str(NOW),
        'status': 'of its own',
    },
    'fourth': {
        'backup_name': 'weekly',
        'hostname': 'two',
        'fs_real_path': ['/etc', '/home/Ünï'],
        'client_version': {'major': 3},
    },
}
OF_BACKUPS: tuple[Case, ...] = (
    ([], [], tuple(SOME_BACKUPS)),
    ([{'backup_name': 'nightly'}], [], ('first', 'second')),
    ([{'hostname': 'two'}], [], ('third', 'fourth')),
    ([{'backup_id': 'third'}], [], ('third',)),
    ([{'status': 'available'}], [], tuple(SOME_BACKUPS)),
    ([{'status': 'of its own'}], [], ()),
    ([{'backup_name': 'nightly'}], [{'level': '1'}], ('first',)),
    ([{'curr_backup_level': 0}], [], ('first',)),
    ([{'curr_backup_level': False}], [], ()),
    ([{'vol_snap_path': None}], [], ('first',)),
    ([{'fs_real_path': '/etc'}], [], ('fourth',)),
    ([{'major': 3}], [], ('fourth',)),
    ([{'time_stamp': NOW}], [], ('first',)),
    ([{'time_stamp': str(NOW)}], [], ('third',)),
    ([{'_all': '/HOME/ü'}], [], ('fourth',)),
    ([{'_all': 'things'}], [{'_all': '[{"hostname": "two"}]'}], ()),
    ([{'job_id': 'j'}], [], ('first',)),
    ([{'session_id': 'r3 s'}], [], ()),
    ([{'session_id': 's'}, {'session_tag': 3}], [], ('second',)),
    ([], [], ('first',), {'time_before': NOW}),
    ([], [], ('first', 'second'), {'time_after': NOW}),
    ([], [], ('second',), {'time_after': NOW + 1}),
    ([], [], ('first',), {'time_before': str(NOW), 'time_after': f'{NOW}.0'}),
    ([], [], (), {'time_before': NOW - 1}),
    ([{'hostname': 'two'}], [], (), {'time_after': 0}),
    (
        [{'hostname': 'one'}],
        [],
        ('first', 'second'),
        {'time_after': 0, 'time_before': NOW + 3600.5},
    ),
    ([{'backup_name': 'nightly'}], [{'job_id': 'j'}], ('second',), {'time_after': NOW}),
    ([{'_all': 'NIGHT'}], [{'_all': 'swift'}], ('first',), {'time_before': NOW + 3600}),
)

SOME_SESSIONS: dict[str, Body] = {
    'a': {'hold_off': 50, 'description': 'About a', 'schedule': {'schedule_interval': '5 days'}},
    'b': {
        'hold_off': 50,
        'description': 'About B',
        'schedule': {'schedule_interval': '10 days', 'schedule_day_of_week': 'mon'},
    },
    'c': {
        'hold_off': 30,
        'description': 'about  c',
        'schedule': {'status': 'scheduled', 'current_pid': 5},
        'session_tag': 7,
    },
    'd': {'schedule': {}},
}
OF_SESSIONS: tuple[Case, ...] = (
    ([{'hold_off': 50}], [{'schedule_interval': '10 days'}], 'a'),
    ([{'hold_off': 30}], [], 'cd'),
    ([{'hold_off': '50'}], [], ''),
    ([{'schedule_interval': '5 days'}], [], 'a'),
    ([{'schedule_day_of_week': 'mon'}], [], 'b'),
    ([{'session_tag': 7}], [], 'c'),
    ([{'status': 'active'}], [{'session_tag': 0}], 'c'),
    ([{'status': 'scheduled'}], [], ''),
    ([{'_version': 1}], [], ''),
    ([{'time_start': -1}, {'time_ended': -1}, {'result': ''}], [], 'abcd'),
    ([{'session_id': 'b'}], [], 'b'),
    ([{'current_pid': 5}], [], ''),
    ([{'jobs': None}], [], ''),
    ([{'_all': 'ABOUT'}], [], 'abc'),
    ([{'_all': 'about b'}], [], 'b'),
    ([{'_all': 'about c'}], [], ''),
    ([{'_all': '10 d'}], [], 'b'),
    ([], [{'_all': 'about'}], 'd'),
    ([{'description': ''}], [], 'd'),
    ([{'_all': '[{"hold_off": 50}]'}], [{'_all': 'days'}], ''),
)

SCENES = (
    Scene(ACTIONS, ANYTHING, OF_ANYTHING),
    Scene(BACKUPS, ANYTHING, OF_METADATA),
    Scene(BACKUPS, SOME_BACKUPS, OF_BACKUPS),
    Scene(JOBS, {id: {**TRUSTED, **job} for id, job in SOME_JOBS.items()}, OF_JOBS),
    Scene(CLIENTS, SOME_CLIENTS, OF_CLIENTS),
    Scene(SESSIONS, SOME_SESSIONS, OF_SESSIONS),
)
