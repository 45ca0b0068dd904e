"""Histories of many callers at once, recorded through faults, and judged.

Real server processes share a store; threads call them over HTTP, and note when each call began and
ended, and what was answered. Meanwhile processes and databases are killed. Then a judge looks for
an order of the calls, one after the other, in which a model of the service would have given every
answer: each call at one moment between its beginning and its end. If there is none, the service
has broken its promise.

The model and the judge share nothing with the service: the model is written from the API reference
and the manual.
"""
