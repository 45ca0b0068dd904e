"""The whole storage contract, for a driver that isn't one of this repository's.

What only its author can do is left out: taking the store away and bringing it back
(:mod:`.test_operation`).
"""

from freezer_api.tests.contract import (
    backups,
    base,
    bounds,
    concurrency,
    copying,
    derived,
    documents,
    everywhere,
    interleavings,
    jobs,
    lists,
    operation,
    processes,
    repairs,
    restores,
    runs,
    search,
    search_random,
    sessions,
    stamps,
    trusts,
)

THEMES: tuple[type, ...] = (
    documents.Documents,
    documents.Claims,
    lists.Lists,
    lists.CentralClients,
    bounds.LargeActions,
    bounds.LargeMembers,
    bounds.LargePages,
    bounds.SharedActions,
    everywhere.Everywhere,
    everywhere.Claimed,
    search.Searches,
    search_random.RandomSearches,
    sessions.Members,
    runs.Runs,
    runs.Lapses,
    jobs.JobsAndActions,
    jobs.Purge,
    trusts.Trusts,
    trusts.TrustsInEveryOrder,
    trusts.TrustsOfManyThreads,
    backups.BackupsInTime,
    backups.BackupsOfRuns,
    operation.Operation,
    concurrency.Threads,
    processes.Processes,
    interleavings.Interleavings,
    copying.Copies,
    copying.Restores,
    copying.BrokenCopies,
    stamps.Stamps,
    derived.Derived,
    repairs.Repairs,
    restores.RestoreSessions,
    restores.RestoredRuns,
)


def cases(case: type[base.ContractCase]) -> dict[str, type[base.ContractCase]]:
    """The test classes of every theme on the store of a case, by name, as members of the module
    that the case is in.
    """
    made = [base.on(case, theme, case.__module__) for theme in THEMES]
    return {one.__name__: one for one in made}
