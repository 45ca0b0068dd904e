"""How much of what is possible tests of all kinds try: see :mod:`freezer_api.tests.base`."""

from freezer_api.tests.base import EXPLORING, SEED, explore, sample

__all__ = ('EXPLORING', 'SEED', 'explore', 'sample')
