"""The jobs of all projects in one list, and documents by their claim, whoever's they are."""

import dataclasses

from freezer_api import exceptions
from freezer_api.db.base import Scope
from freezer_api.domain import search, search_query
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
    TRUSTS,
)
from freezer_api.tests.contract import bodies, project_operations


class Everywhere:
    """Jobs of three projects, made in turns; a mark of each test's own keeps those of others
    out.
    """

    def setUp(self):
        super().setUp()
        self.mark = bodies.new_id()
        self.owners = [
            self.project,
            *(self.in_project(f'{self.project.project_id}-{number}') for number in (2, 3)),
        ]
        self.made = [self._make(number) for number in range(12)]
        self.everywhere = project_operations.Project(
            self.storage, Scope(self.project.project_id, everywhere=True)
        )

    def _make(self, number, **changes):
        owner = self.owners[number % 3]
        status = 'completed' if number % 4 == 1 else ''
        body = bodies.job_body(
            f'{self.mark}{number}',
            owner.project_id,
            'even' if number % 2 == 0 else 'odd',
            description=self.mark,
            schedule={'status': status},
            **changes,
        )
        return owner.put_job(f'{self.mark}{number}', body)

    def _found(self, *conditions, match_not=(), project=None, **page):
        """Numbers of the jobs of a search."""
        found = (project or self.everywhere).page(
            JOBS, [{'description': self.mark}, *conditions], match_not, **page
        )
        for document in found.documents:
            self.assertEqual(
                self.owners[int(document.id.removeprefix(self.mark)) % 3].project_id,
                document.project_id,
            )
            self.assertEqual(document, self.in_project(document.project_id).get(JOBS, document.id))
        return [int(document.id.removeprefix(self.mark)) for document in found.documents]

    def test_jobs_of_all_projects_come_in_order_of_creation(self):
        self.assertEqual(list(range(12)), self._found())
        self.assertEqual(list(range(12))[::-1], self._found(descending=True))
        self.assertEqual([0, 3, 6, 9], self._found(project=self.project))
        newest = self.storage.find(
            self.everywhere.scope, JOBS, search_query.Query(limit=12, descending=True)
        ).documents
        self.assertEqual(
            self.made, [document for document in newest[::-1] if document.id.startswith(self.mark)]
        )

    def test_who_asks_makes_no_difference(self):
        self.assertEqual(
            list(range(12)),
            self._found(
                project=project_operations.Project(self.storage, Scope('nobody', everywhere=True))
            ),
        )

    def test_pages_follow_the_marker_through_all_projects(self):
        for descending in (False, True):
            expected = list(range(12))[::-1] if descending else list(range(12))
            for limit in (1, 5, 12):
                found, marker = [], None
                while True:
                    query = search.parse(
                        {'match': [{'description': self.mark}]},
                        JOBS,
                        limit=limit,
                        marker=marker,
                        descending=descending,
                    )
                    page = self.storage.find(self.everywhere.scope, JOBS, query)
                    found += [
                        int(document.id.removeprefix(self.mark)) for document in page.documents
                    ]
                    if not page.more:
                        break
                    marker = page.documents[-1].id
                self.assertEqual(expected, found)
        self.assertEqual([4, 5], self._found(offset=4, limit=2))
        self.assertEqual([], self._found(offset=12))

    def test_conditions_hold_for_all_projects(self):
        self.assertEqual([0, 2, 4, 6, 8, 10], self._found({'client_id': 'even'}))
        self.assertEqual(
            [3, 7, 11], self._found({'client_id': 'odd'}, match_not=[{'status': 'completed'}])
        )
        self.assertEqual(
            [0, 2, 3, 4, 6, 7, 8, 10, 11], self._found(match_not=[{'status': 'completed'}])
        )
        self.assertEqual([1, 4, 7, 10], self._found({'project_id': self.owners[1].project_id}))
        self.assertEqual([], self._found({'client_id': 'Even'}))

    def test_text_is_found_in_all_projects(self):
        ids = self.everywhere.ids(JOBS, [{'_all': self.mark.upper()}])
        self.assertEqual([document.id for document in self.made], ids)
        self.assertEqual([3, 7, 11], self._found({'_all': 'OD'}, match_not=[{'_all': 'comple'}]))
        self.assertEqual([0, 2, 4, 6, 8, 10], self._found(match_not=[{'_all': 'OD'}]))
        self.assertEqual([10, 8], self._found({'_all': 'eve'}, descending=True, limit=2))

    def test_changed_jobs_are_found_anew(self):
        self._make(5, user_credentials={'note': 'kept'})
        self.owners[0].put_job(
            f'{self.mark}6',
            bodies.job_body(f'{self.mark}6', self.project.project_id, description='another'),
        )
        self.owners[1].delete_job(f'{self.mark}7')
        self._make(12)
        self.assertEqual([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12], self._found())
        self.assertEqual([1, 3, 5, 9, 11], self._found({'client_id': 'odd'}))
        self.storage.purge(self.owners[2].project_id)
        self.assertEqual([0, 1, 3, 4, 9, 10, 12], self._found())

    def test_a_marker_is_any_projects_job(self):
        for number in range(12):
            self.assertEqual(
                list(range(12))[number + 1 :], self._found(marker=f'{self.mark}{number}')
            )
            self.assertEqual(
                list(range(number))[::-1],
                self._found(marker=f'{self.mark}{number}', descending=True),
            )
        self.assertEqual([5, 7], self._found({'client_id': 'odd'}, marker=f'{self.mark}4', limit=2))
        for marker in ('missing', self.mark, f'{self.mark}1.'):
            self.assertRaises(exceptions.InvalidInput, self._found, marker=marker)

    def test_marker_of_several_jobs_is_the_own_or_first_one(self):
        taken, body = f'{self.mark}x', bodies.job_body(f'{self.mark}x', 'p')
        for place, owner in enumerate((self.owners[1], self.owners[2], self.project)):
            owner.put_job(taken, body)
            self._make(12 + place)
        for asking, expected in (
            (self.project, [14]),
            (self.owners[2], [13, 14]),
            (self.owners[1], [12, 13, 14]),
            (self.in_project('nobody'), [12, 13, 14]),
        ):
            scope = dataclasses.replace(asking.scope, everywhere=True)
            self.assertEqual(
                expected,
                self._found(marker=taken, project=project_operations.Project(self.storage, scope)),
            )
        for owner, expected in (
            (self.owners[1], [12, 13, 14]),
            (self.owners[2], [13, 14]),
            (self.project, [14]),
        ):
            self.assertEqual(expected, self._found(marker=taken, marker_project=owner.project_id))
        self.assertRaises(
            exceptions.InvalidInput, self._found, marker=taken, marker_project='nobody'
        )

    def test_poll_of_a_scheduler_finds_open_jobs_of_all_projects(self):
        """Pages of ten until a short one, for a client whose jobs lie in many projects."""
        client = f'central-{self.mark}'
        expected = []
        for number in range(25):
            status = 'completed' if number % 3 == 0 else 'running'
            id = f'{self.mark}p{number}'
            self.owners[number % 3].put_job(
                id, bodies.job_body(id, 'p', client, schedule={'status': status})
            )
            expected += [] if number % 3 == 0 else [id]
        polled: list[str] = []
        while (
            len(
                found := self.everywhere.ids(
                    JOBS,
                    [{'client_id': client}],
                    [{'status': 'completed'}],
                    offset=len(polled),
                    limit=10,
                )
            )
            == 10
        ):
            polled += found
        self.assertEqual(expected, polled + found)

    def test_other_kinds_stay_in_their_project(self):
        id = f'{self.mark}o'
        self.owners[1].put_client(id)
        self.owners[1].put_action(id, action='info')
        self.owners[1].put_backup(id)
        self.owners[1].put_trust(id)
        self.owners[1].put_session(id)
        for kind in (SESSIONS, ACTIONS, CLIENTS, BACKUPS, TRUSTS):
            self.assertEqual([], self.everywhere.ids(kind))

    def test_single_job_is_got_in_its_own_project_only(self):
        self.assertRaises(exceptions.NotFound, self.everywhere.get, JOBS, f'{self.mark}1')


class Claimed:
    def test_claimed_tells_whose_the_id_is(self):
        id, other = bodies.new_id(), self.in_project(f'{self.project.project_id}-2')
        for kind in (CLIENTS, JOBS, ACTIONS, BACKUPS, TRUSTS):
            self.assertIsNone(self.storage.claimed(kind, id))
        self.project.put_client(id)
        self.project.new_job(id)
        self.project.put_action(id, action='info')
        self.project.put_backup(id)
        for kind in (CLIENTS, JOBS, ACTIONS, BACKUPS):
            self.assertIsNone(self.storage.claimed(kind, id))
        client = other.put_client(id, central=True)
        self.assertEqual(client, self.storage.claimed(CLIENTS, id))
        self.assertIsNone(self.storage.claimed(JOBS, id))
        job = other.put_job(id, bodies.job_body(id, other.project_id, _central=other.project_id))
        self.assertEqual(job, self.storage.claimed(JOBS, id))
        self.assertIsNone(self.storage.claimed(JOBS, id.upper()))

    def test_claimed_tells_nobody_once_the_claim_ends(self):
        id = bodies.new_id()
        self.project.put_client(id, central=True)
        self.assertEqual(2, self.project.put_client(id, central=True, description='x').version)
        self.assertEqual(2, self.storage.claimed(CLIENTS, id).version)
        self.project.put_client(id)
        self.assertIsNone(self.storage.claimed(CLIENTS, id))
        job = bodies.job_body(id, self.project.project_id, _central=self.project.project_id)
        self.project.put_job(id, job)
        self.project.delete_job(id)
        self.assertIsNone(self.storage.claimed(JOBS, id))
