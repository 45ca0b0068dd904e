"""What the Elasticsearch driver makes of reads that aren't true: those of a node that is behind,
and those of a primary shard whose writes will be lost. And of answers that are lost while others
write.

Each case passes, and fails without the safeguard that it is about.
"""

import functools

from freezer_api import exceptions
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.commits import committing, marks, outcomes
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract import project_operations
from tests.contract import fault_cases, faults, interception, mutants, stale_reads, stores

#: Reads that are told something untrue, before the truth comes out.
SOME = 3


@stores.on_stores(*stores.ONE_OF_EACH)
class UntrueReads(fault_cases.FaultCases):
    eager = True

    def caught(self, mutant, case):
        """The case passes with the driver as it is, and doesn't with the mutant."""
        case()
        with (
            mutant.applied(),
            self.assertRaises((AssertionError, exceptions.StorageUnavailable, exceptions.NotFound)),
        ):
            case()

    def another(self, scenario):
        """A process, what it can do, and what it is told that isn't true."""
        storage = self.make_storage()
        storage.clock = self.clock
        return storage, scenario.operations(storage), stale_reads.Untrue(storage)

    def key(self, scenario, kind, id):
        """Where a document of the scenario is kept."""
        return codec.key(kind, scenario.project_id, id)

    def one_after_the_other(self, scenario, told, *names):
        """All is as if the operations had been done so, of which the last one told this."""
        expected = self.alone(*names)
        self.assertEqual(expected[0], faults.snapshot(self, scenario))
        self.assertEqual(expected[-1], told)

    # Nodes that are behind

    def void_by_a_stale_primary(self):
        """The session is read as it was before the commit, and before what the lock names."""
        self.alone('late end', 'attach n', 'report n')
        scenario = faults.Scenario(self)
        _, operations, untrue = self.another(scenario)
        untrue.keep(self.key(scenario, SESSIONS, 's'), SOME)
        faults.outcome(scenario.operations()['late end'])
        faults.outcome(scenario.operations(faults.killing(self, 2).storage)['attach n'])
        told = faults.outcome(operations['report n'])
        self.assertEqual(SOME, untrue.reads)
        self.one_after_the_other(scenario, told, 'late end', 'attach n', 'report n')

    def test_stale_primary_is_not_taken_for_void(self):
        self.caught(mutants.OUTCOME_NOT_PROVED, self.void_by_a_stale_primary)

    def open_by_a_stale_primary(self):
        """The session is read at the point that the lock names, from which it was committed."""
        self.alone('attach n', 'report n')
        # The second look is late already, and not true yet.
        outcomes.LOCK_TIMEOUT = 0
        scenario = faults.Scenario(self)
        _, operations, untrue = self.another(scenario)
        untrue.keep(self.key(scenario, SESSIONS, 's'), SOME)
        faults.outcome(scenario.operations(faults.killing(self, 2).storage)['attach n'])
        told = faults.outcome(operations['report n'])
        self.one_after_the_other(scenario, told, 'attach n', 'report n')

    def test_stale_primary_is_not_taken_for_open(self):
        self.caught(mutants.OUTCOME_NOT_PROVED, self.open_by_a_stale_primary)

    def forgotten_by_a_stale_part(self):
        """A job is read as it was before it had its lock, by who is to apply what is committed."""
        self.alone('attach n', 'late end', 'report j')
        scenario = faults.Scenario(self)
        _, operations, untrue = self.another(scenario)
        untrue.keep(self.key(scenario, JOBS, 'n'), SOME)
        faults.outcome(scenario.operations(faults.killing(self, 2).storage)['attach n'])
        faults.outcome(operations['late end'])
        self.assertEqual(SOME, untrue.reads)
        untrue.end()
        # Whatever the session says now, later ones find it.
        told = faults.outcome(operations['report j'])
        self.one_after_the_other(scenario, told, 'attach n', 'late end', 'report j')

    def test_stale_part_is_not_taken_for_applied(self):
        self.set_max_carried(0)
        self.caught(mutants.PARTS_NOT_PROVED, self.forgotten_by_a_stale_part)

    def acknowledged_and_read_from_a_stale_node(self):
        """Who has committed knows it, whatever a node says."""
        scenario = faults.Scenario(self)
        # The write that applies it is the third one.
        storage = faults.refused(self, 3).storage
        untrue = stale_reads.Untrue(storage)
        untrue.keep(self.key(scenario, SESSIONS, 's'), 0)
        faults.outcome(scenario.operations(storage)['attach n'])
        untrue.allow(99)
        own = project_operations.Project(storage, scenario.scope)
        self.assertEqual('s', own.job('n')['session_id'])

    def test_finished_transaction_outlives_a_stale_read(self):
        self.caught(mutants.NOTHING_REMEMBERED, self.acknowledged_and_read_from_a_stale_node)

    def acknowledged_by_a_stale_read(self, stale, before, done):
        """Somebody finds nothing to do, by what is read as it was before another one's write."""

        def walk(is_stale):
            scenario = faults.Scenario(self)
            storage, _, untrue = self.another(scenario)
            if is_stale:
                for kind, id in stale:
                    untrue.keep(self.key(scenario, kind, id), SOME)
            before(scenario.project)
            done(project_operations.Project(storage, scenario.scope))
            self.assertEqual(is_stale, untrue.reads > 0)
            return faults.snapshot(self, scenario)

        expected = self._once(lambda: walk(False), 'done', done)
        self.assertEqual(expected, walk(True))

    def test_end_is_not_acknowledged_by_a_stale_session(self):
        self._check_acknowledged(
            [(SESSIONS, 's')],
            lambda project: project.start('s', 'j', 1),
            lambda project: project.end('s', 'j'),
        )

    def test_attaching_is_not_acknowledged_by_a_stale_member(self):
        self._check_acknowledged(
            [(SESSIONS, 's'), (JOBS, 'j')],
            lambda project: project.detach('s', 'j'),
            lambda project: project.attach('s', 'j'),
        )

    def test_detaching_is_not_acknowledged_by_a_stale_job(self):
        self._check_acknowledged(
            [(SESSIONS, 's'), (JOBS, 'n')],
            lambda project: project.attach('s', 'n'),
            lambda project: project.detach('s', 'n'),
        )

    def test_deletion_is_not_acknowledged_by_a_stale_absence(self):
        self._check_acknowledged(
            [(JOBS, 'new')],
            lambda project: project.new_job('new'),
            lambda project: project.delete_job('new'),
        )

    def test_change_is_not_acknowledged_by_a_stale_value(self):
        self._check_acknowledged(
            [(CLIENTS, 'client')],
            lambda project: project.put_client('client', description='new'),
            lambda project: project.put_client('client'),
        )

    def test_member_that_seems_to_follow_already_is_not_passed_over(self):
        """The session is what it is, so something is written; a job isn't."""
        self.caught(
            mutants.PARTS_THAT_STAY_NOT_GUARDED,
            functools.partial(
                self.acknowledged_by_a_stale_read,
                [(JOBS, 'j')],
                lambda project: project.patch_session('s', schedule={'schedule_day': '5'}),
                lambda project: project.patch_session('s', schedule={'schedule_day': '1'}),
            ),
        )

    def _check_acknowledged(self, stale, before, done):
        self.caught(
            mutants.NOTHING_TO_DO_NOT_PROVED,
            functools.partial(self.acknowledged_by_a_stale_read, stale, before, done),
        )

    # A primary shard that is cut off in mid-commit

    def applied_by_a_dirty_read(self):
        """The commit is seen on a shard whose writes will be lost; somebody lists, and somebody
        writes a part.
        """
        self.alone('report n')
        scenario = faults.Scenario(self)
        storage, operations, untrue = self.another(scenario)
        key = self.key(scenario, SESSIONS, 's')

        def lost(request):
            untrue.pretend(key, request)
            raise faults.Killed

        owner = faults.Faulty(self, 2, lost)
        faults.outcome(scenario.operations(owner.storage)['attach n'])
        project_operations.Project(storage, scenario.scope).page(JOBS)
        untrue.allow(SOME)
        told = faults.outcome(operations['report n'])
        untrue.end()
        self.one_after_the_other(scenario, told, 'report n')

    def test_dirty_commit_is_not_applied(self):
        self.caught(mutants.OUTCOME_NOT_PROVED, self.applied_by_a_dirty_read)

    # Answers that are lost

    def lost_answer_and_a_stale_read(self):
        """The owner's commit is done, its answer is lost, and the session is read as it was."""
        scenario = faults.Scenario(self)
        storage, operations, untrue = self.another(scenario)
        untrue.keep(self.key(scenario, JOBS, 'j'), 0)
        stale_reads.resending(storage, 1, lambda: untrue.allow(SOME))
        told = faults.outcome(operations['report j'])
        self.assertGreaterEqual(untrue.reads, 1)
        untrue.end()
        self.one_after_the_other(scenario, told, 'report j')

    def test_own_write_is_not_taken_for_undone_by_a_stale_read(self):
        self.caught(mutants.UNDONE_NOT_PROVED, self.lost_answer_and_a_stale_read)

    def overtaken_between_two_sends(self):
        """Another one writes between the two sends of a request."""
        scenario = faults.Scenario(self)
        storage, operations, _ = self.another(scenario)
        other = functools.partial(faults.outcome, scenario.operations()['report j'])
        stale_reads.resending(storage, 1, other)
        told = faults.outcome(operations['report j'])
        self.one_after_the_other(scenario, told, 'report j', 'report j')

    def test_own_write_is_known_after_that_of_another(self):
        self.caught(mutants.LAST_WRITER_ONLY, self.overtaken_between_two_sends)

    # Requests that the cluster itself does twice

    def overtaken_within_the_cluster(self, *others):
        """A shard moves, or a connection between nodes breaks, after a request was done by which a
        job reports; others do this before the cluster does it again.
        """
        scenario = faults.Scenario(self)
        storage, operations, _ = self.another(scenario)
        overtaking = scenario.operations()
        stale_reads.resending(
            storage,
            1,
            lambda: [faults.outcome(overtaking[other]) for other in others],
            told=False,
        )
        return scenario, faults.outcome(operations['report j'])

    def known_after_many(self):
        """Twelve others are more than a document names if nobody is in a hurry."""
        scenario, told = self.overtaken_within_the_cluster(*['report j'] * 12)
        self.one_after_the_other(scenario, told, *['report j'] * 13)

    def test_own_write_is_known_after_many_of_others(self):
        self.caught(mutants.FEW_NAMES_KEPT, self.known_after_many)

    def unknown_after_too_many(self):
        scenario, told = self.overtaken_within_the_cluster(*['report j'] * 12)
        self.assertIsInstance(told, exceptions.StorageUnavailable)
        self.assertEqual(self.alone(*['report j'] * 13)[0], faults.snapshot(self, scenario))

    def test_own_write_after_too_many_of_others_is_not_done_twice(self):
        """Nobody can tell whether it was done, and that is what is answered."""
        self.addCleanup(setattr, marks, 'MAX_EARLIER', marks.MAX_EARLIER)
        marks.MAX_EARLIER = 10
        self.caught(mutants.UNNAMED_TAKEN_FOR_UNDONE, self.unknown_after_too_many)

    def deleted_within_the_cluster(self):
        """What was written is deleted before the cluster does the request again."""
        scenario, told = self.overtaken_within_the_cluster('delete j')
        self.assertIsInstance(told, exceptions.StorageUnavailable)
        self.assertEqual(self.alone('report j', 'delete j')[0], faults.snapshot(self, scenario))

    def test_own_write_that_was_deleted_is_not_taken_for_undone(self):
        self.caught(mutants.WRITES_NOT_COUNTED, self.deleted_within_the_cluster)

    def created_within_the_cluster(self):
        """A client is created, and deleted before the cluster does the request again."""
        scenario = faults.Scenario(self)
        storage, _, _ = self.another(scenario)
        own = project_operations.Project(storage, scenario.scope)
        # The first write is that of the placeholder.
        stale_reads.resending(
            storage, 2, lambda: scenario.project.write(CLIENTS, 'new', None), told=False
        )
        told = faults.outcome(lambda: own.put_client('new'))
        self.assertIsInstance(told, exceptions.StorageUnavailable)
        with self.assertRaises(exceptions.NotFound):
            scenario.project.get(CLIENTS, 'new')

    def test_document_that_was_deleted_is_not_created_twice(self):
        self.caught(mutants.WRITES_NOT_COUNTED, self.created_within_the_cluster)

    def overtaken_before_it_is_sent(self, *others):
        """A request that is done once meets a conflict with what others did."""
        scenario = faults.Scenario(self)
        paused = faults.Paused(self, 1)
        operation = scenario.operations(paused.faulty.storage)['report j']
        with paused.doing(lambda: faults.outcome(operation)) as told:
            for other in others:
                faults.outcome(scenario.operations()[other])
        return scenario, told[0]

    def test_conflict_with_many_writes_is_tried_again(self):
        scenario, told = self.overtaken_before_it_is_sent(*['report j'] * 12)
        self.one_after_the_other(scenario, told, *['report j'] * 13)

    def test_conflict_with_a_deletion_is_tried_again(self):
        scenario, told = self.overtaken_before_it_is_sent('delete j')
        self.one_after_the_other(scenario, told, 'delete j', 'report j')

    def test_conflict_with_a_write_and_a_deletion_is_not_decided(self):
        """Either of the two writes may have been its own."""
        scenario, told = self.overtaken_before_it_is_sent('report j', 'delete j')
        self.assertIsInstance(told, exceptions.StorageUnavailable)
        self.assertEqual(self.alone('report j', 'delete j')[0], faults.snapshot(self, scenario))

    def test_deletion_between_two_sends_that_were_not_done_is_found(self):
        """The first was lost on its way, and the second met the deletion."""
        scenario = faults.Scenario(self)
        storage, operations, _ = self.another(scenario)
        delete = functools.partial(faults.outcome, scenario.operations()['delete j'])
        stale_reads.resending(storage, 1, delete, done=False)
        told = faults.outcome(operations['report j'])
        self.one_after_the_other(scenario, told, 'delete j', 'report j')

    def test_names_of_older_writes_are_forgotten(self):
        """All but the last ones, once nobody can wait for their answers any more."""
        self.addCleanup(setattr, marks, 'KEPT_SECONDS', marks.KEPT_SECONDS)
        scenario = faults.Scenario(self)
        report = scenario.operations()['report j']
        named = []
        for kept in (marks.KEPT_SECONDS, 0):
            marks.KEPT_SECONDS = kept
            for _ in range(12):
                report()
            store = scenario.project.storage.transactions.committer.store
            found = store.get(self.key(scenario, JOBS, 'j'))
            named.append(len(marks.names(found.mark)))
        self.assertEqual([13, 9], named)

    def deletion_and_another_creation(self):
        """A client is deleted, and created anew between the two sends of the deletion."""
        scenario = faults.Scenario(self)
        storage, _, _ = self.another(scenario)
        own = project_operations.Project(storage, scenario.scope)
        stale_reads.resending(
            storage, 1, lambda: scenario.project.put_client('client', description='new')
        )
        own.write(CLIENTS, 'client', None)
        found = scenario.project.get(CLIENTS, 'client')
        self.assertEqual('new', found.body['client']['description'])

    def test_deletion_leaves_a_new_document_alone(self):
        self.caught(mutants.LAST_WRITER_ONLY, self.deletion_and_another_creation)

    def placeholder_that_is_touched(self):
        """The placeholder of a creation is written as it is before the commit, as an upgrade does
        when it copies it.
        """
        scenario, paused = faults.Scenario(self), faults.Paused(self, 2)
        own = project_operations.Project(paused.faulty.storage, scenario.scope)
        with paused.doing(lambda: own.put_client('fresh')):
            committer = scenario.project.storage.transactions.committer
            found = committer.store.get(self.key(scenario, CLIENTS, 'fresh'))
            self.assertTrue(committer.prove([found], keeps=True))
        self.assertEqual('fresh', scenario.project.get(CLIENTS, 'fresh').id)

    def test_placeholder_is_not_taken_for_the_commit(self):
        self.caught(mutants.PLACEHOLDER_TAKEN_FOR_COMMIT, self.placeholder_that_is_touched)

    def test_lost_answer_to_locks_costs_few_requests(self):
        scenario = faults.Scenario(self)
        storage, operations, _ = self.another(scenario)
        stale_reads.resending(storage, 1)
        requests = []

        def count(request):
            requests.append(request.path)
            return request()

        interception.intercept(storage, count)
        told = faults.outcome(operations['attach n'])
        self.one_after_the_other(scenario, told, 'attach n')
        self.assertLessEqual(len(requests), 7, requests)

    def set_max_carried(self, number):
        """How many transactions a document carries on."""
        self.addCleanup(setattr, committing, 'MAX_CARRIED', committing.MAX_CARRIED)
        committing.MAX_CARRIED = number
