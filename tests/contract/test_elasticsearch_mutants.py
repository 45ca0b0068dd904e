"""Each safeguard of the Elasticsearch driver is needed: without it a walk goes wrong that goes well
with it.
"""

import functools

from freezer_api.db.elasticsearch.commits import committing, outcomes, retries
from tests.contract import fault_cases, faults, mutants, stores


@stores.on_stores(*stores.ONE_OF_EACH)
class Mutants(fault_cases.FaultCases):
    eager = True

    def caught(self, mutant, case, *arguments, **named):
        """The case passes with the driver as it is, and doesn't with the mutant."""
        case(*arguments, **named)
        with mutant.applied(), self.assertRaises((AssertionError, RuntimeError)):
            case(*arguments, **named)

    def set(self, module, name, value):
        """Another value of a constant, for this test."""
        self.addCleanup(setattr, module, name, getattr(module, name))
        setattr(module, name, value)

    def never_done(self, mutant, case, *arguments):
        """The mutant waits for something that never comes."""
        case(*arguments)
        self.set(retries, 'DEADLINE', 0.5)
        self.caught(mutant, case, *arguments)

    # The order of writes

    def test_parts_are_not_written_before_the_primary(self):
        self.caught(mutants.PARTS_WRITTEN_FIRST, self.broken_off, faults.killing, 'attach n', 1)

    def test_parts_are_locked(self):
        self.caught(mutants.PARTS_WRITTEN_LAST, self.broken_off, faults.killing, 'attach n', 1)

    def test_primary_is_written_at_the_point_that_was_read(self):
        self.caught(mutants.PRIMARY_READ_AGAIN, self.met, 'attach n', 3, 'delete n', every=True)

    def test_missing_primary_gets_a_placeholder(self):
        self.caught(mutants.NO_PLACEHOLDER, self.met, 'take a', 2, 'delete a')

    def test_creation_begins_as_a_placeholder(self):
        self.caught(mutants.LONE_CREATION, self.late, 'give up', True)

    def test_tombstone_stays_until_its_parts_are_applied(self):
        self.caught(mutants.NO_TOMBSTONE, self.broken_off, faults.killing, 'delete s', 2)
        self.caught(mutants.TOMBSTONE_REMOVED_EARLY, self.broken_off, faults.refused, 'delete s', 3)

    def test_writes_are_compared_and_set(self):
        self.caught(mutants.BLIND_WRITES, self.met, 'late end', 1, 'schedule')
        self.caught(mutants.BLIND_CREATION, self.met, 'centralise', 2, 'centralise elsewhere')

    def test_documents_that_a_change_read_are_guarded(self):
        self.caught(mutants.NO_GUARDS, self.met, 'trusted', 1, 'end free')

    def test_claims_are_parts(self):
        self.caught(mutants.CLAIMS_LEFT_OUT, self.met, 'centralise', 1, 'centralise elsewhere')

    # Writers

    def test_commits_of_a_document_are_applied_before_it_is_written_again(self):
        self.caught(
            mutants.DONE_OVERWRITTEN, self.followed, faults.killing, 'attach n', 2, 'late end'
        )

    def test_failure_to_apply_is_not_taken_for_applied(self):
        self.caught(
            mutants.FAILURE_REMEMBERED_AS_DONE,
            self.followed,
            faults.refused,
            'attach n',
            3,
            'late end',
            same=True,
        )

    def test_lock_of_a_dead_owner_is_made_void(self):
        self.never_done(
            mutants.WAITING_FOR_EVER, self.followed, faults.killing, 'attach n', 1, 'delete n'
        )

    def test_lock_is_made_void_by_a_write(self):
        self.caught(mutants.NOT_MOVED_ON, self.met, 'attach n', 2, 'delete n')

    def test_own_write_is_recognised(self):
        self.caught(mutants.OWN_WRITE_UNKNOWN, self.broken_off, faults.repeating, 'report j', 1)
        self.caught(mutants.LONE_DELETION, self.broken_off, faults.repeating, 'end free', 1)

    def test_refused_step_changes_nothing_for_others_in_its_batch(self):
        self.caught(mutants.STEPS_MIXED, self.queued, 'take a', 'job with taken a', 'report new')

    def test_parts_that_were_written_meanwhile_are_applied(self):
        self.caught(
            mutants.CARRIED_OUT_ONCE,
            self.overtaken,
            'schedule',
            3,
            'trusted j',
            2,
            'trusted',
            'late end',
        )

    # Readers

    def test_readers_look_at_locks(self):
        self.caught(mutants.LOCKS_UNSEEN, self.broken_off, faults.killing, 'attach n', 2)

    def test_a_lock_is_done_only_if_its_primary_says_so(self):
        self.caught(mutants.DONE_UNSEEN, self.broken_off, faults.killing, 'attach n', 2)
        self.caught(
            mutants.ALL_TAKEN_AS_DONE, self.read_meanwhile, 'attach n', 1, 'jobs n', 1, 'report j'
        )

    def test_a_lock_that_seems_void_is_looked_at_again(self):
        # The writer applies what is committed, so that it needn't be carried on.
        self.set(committing, 'MAX_CARRIED', 0)
        self.caught(
            mutants.NO_SECOND_LOOK, self.read_meanwhile, 'attach n', 2, 'jobs n', 2, 'late end'
        )

    def test_searches_find_what_is_other_than_the_index_says(self):
        self.caught(
            mutants.PENDING_NOT_SEARCHED,
            self.read_meanwhile,
            'attach n',
            2,
            'members',
            1,
            'report j',
        )
        self.caught(mutants.PLACEHOLDER_OUT_OF_PLACE, self.broken_off, faults.killing, 'new job', 3)
        self.caught(
            mutants.LAPSED_NOT_SEARCHED,
            self.read_meanwhile,
            'attach n',
            1,
            'second running',
            1,
            'report j',
        )

    def test_what_lies_before_an_offset_is_as_the_index_says(self):
        # Nobody takes the lock away meanwhile.
        self.set(outcomes, 'LOCK_TIMEOUT', 60)
        self.caught(
            mutants.PENDING_COUNTED_BY_OFFSETS, self.broken_off, faults.killing, 'detach j', 1
        )
        self.caught(
            mutants.NOTHING_BESIDE_PAGES,
            self.read_meanwhile,
            'attach n',
            1,
            'second running',
            1,
            'report j',
        )

    def test_search_is_repeated_when_a_transaction_is_applied(self):
        self.caught(mutants.PAGES_AS_INDEXED, self.broken_off, faults.killing, 'attach n', 2)

    def committed_while_it_is_listed(self):
        """A list stands still when it has searched; one operation happens, and then another one
        that it has met the lock of: it shows neither, the first one, or both.
        """

        def then(*names):
            scenario = faults.Scenario(self)
            for name in names:
                faults.outcome(scenario.operations()[name])
            return scenario.reads()['all jobs']()

        names = ('report j', 'attach n')
        possible = [
            self._once(functools.partial(then, *names[:number]), 'all jobs', number)
            for number in range(3)
        ]
        scenario = faults.Scenario(self)
        owner, reader = faults.Paused(self, 2), faults.Paused(self, 3, every=True)
        attach = scenario.operations(owner.faulty.storage)['attach n']
        with (
            owner.doing(functools.partial(faults.outcome, attach)),
            reader.doing(scenario.reads(reader.faulty.storage)['all jobs']) as told,
        ):
            faults.outcome(scenario.operations()['report j'])
            owner.resumed.set()
            self.assertTrue(self._comes_to(lambda: scenario.project.job('n')['session_id']))
        self.assertIn(told[0], possible)

    def _comes_to(self, condition):
        """Whether something holds after a while."""
        for attempt in range(1000):
            if condition():
                return True
            retries.pause(attempt)
        return False

    def test_what_takes_effect_after_a_search_does_not_count(self):
        self.caught(mutants.LEARNT_AT_ONCE, self.committed_while_it_is_listed)

    def test_records_that_are_forgotten_meanwhile(self):
        self.caught(
            mutants.RECORDS_MISSING,
            self.read_meanwhile,
            'overtake',
            fault_cases.ALL,
            'runs',
            2,
            'delete s',
        )

    def test_a_claim_is_looked_up_in_the_document(self):
        self.caught(
            mutants.CLAIM_TRUSTED,
            self.read_meanwhile,
            'centralise',
            fault_cases.ALL,
            'claim',
            2,
            'give up',
        )
