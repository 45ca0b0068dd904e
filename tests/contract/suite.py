"""The whole storage contract, for a driver that isn't one of this repository's.

What only its author can do is left out: taking the store away and bringing it back
(:mod:`.test_operation`).
"""

from tests.contract import (
    base,
    test_backups,
    test_bounds,
    test_concurrency,
    test_copying,
    test_derived,
    test_documents,
    test_everywhere,
    test_interleavings,
    test_jobs,
    test_lists,
    test_operation,
    test_processes,
    test_restores,
    test_runs,
    test_search,
    test_search_random,
    test_sessions,
    test_trusts,
)

THEMES: tuple[type, ...] = (
    test_documents.Documents,
    test_documents.Claims,
    test_lists.Lists,
    test_lists.CentralClients,
    test_bounds.LargeActions,
    test_bounds.LargeMembers,
    test_bounds.LargePages,
    test_bounds.SharedActions,
    test_everywhere.Everywhere,
    test_everywhere.Claimed,
    test_search.Searches,
    test_search_random.RandomSearches,
    test_sessions.Members,
    test_runs.Runs,
    test_runs.Lapses,
    test_jobs.JobsAndActions,
    test_jobs.Purge,
    test_trusts.Trusts,
    test_trusts.TrustsInEveryOrder,
    test_trusts.TrustsOfManyThreads,
    test_backups.BackupsInTime,
    test_backups.BackupsOfRuns,
    test_operation.Operation,
    test_concurrency.Threads,
    test_processes.Processes,
    test_interleavings.Interleavings,
    test_copying.Copies,
    test_copying.Restores,
    test_copying.BrokenCopies,
    test_derived.Derived,
    test_restores.RestoreSessions,
    test_restores.RestoredRuns,
)


def cases(case: type[base.ContractCase]) -> dict[str, type[base.ContractCase]]:
    """The test classes of every theme on the store of a case, by name, as members of the module
    that the case is in.
    """
    made = [base.on(case, theme, case.__module__) for theme in THEMES]
    return {one.__name__: one for one in made}
