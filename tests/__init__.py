"""Tests of freezer-api: see README.rst."""

from tests.sharing import load_tests

__all__ = ('load_tests',)
