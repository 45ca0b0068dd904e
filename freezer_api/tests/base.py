"""What tests of all kinds share: how much of what is possible they try."""

import collections.abc
import os
import random
import typing

import hypothesis

hypothesis.settings.register_profile(
    'quick',
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.register_profile(
    'long',
    hypothesis.settings.get_profile('quick'),
    max_examples=5000,
    derandomize=False,
    stateful_step_count=100,
)


#: Whether the long forms of tests are asked for.
EXPLORING = bool(os.environ.get('FREEZER_TEST_EXPLORE'))
#: Which samples are taken. ``tools/test`` gives each run another one, and prints it.
SEED = os.environ.get('FREEZER_TEST_SEED', '0')
_Case = typing.TypeVar('_Case')


def sample(share: float, cases: collections.abc.Iterable[_Case], *whose: object) -> list[_Case]:
    """A sample of a share (from 0 to 1) of the cases, in their order: at least one of them, always
    the same ones for the same :data:`SEED`, and others for ``whose``, say a store and a kind of
    fault. In the long forms all of them.
    """
    all_of_them = list(cases)
    if EXPLORING or not all_of_them:
        return all_of_them
    number = max(1, round(share * len(all_of_them)))
    chosen = random.Random(repr((SEED, *whose))).sample(range(len(all_of_them)), number)
    return [all_of_them[at] for at in sorted(chosen)]


def explore() -> None:
    """Let hypothesis look for counter-examples quickly, the same ones each time; or for long where
    ``FREEZER_TEST_EXPLORE`` is set, new ones each time."""
    hypothesis.settings.load_profile('long' if EXPLORING else 'quick')


explore()
