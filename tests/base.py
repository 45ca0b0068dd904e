"""What tests of all kinds share: how long hypothesis explores."""

import os

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


def explore() -> None:
    """Let hypothesis look for counter-examples quickly, the same ones each time; or for long where
    ``FREEZER_TEST_EXPLORE`` is set, new ones each time."""
    hypothesis.settings.load_profile('long' if EXPLORING else 'quick')


explore()
