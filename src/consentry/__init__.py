"""Consentry: a permissioned ledger for record-access consent.

The rooms, top to bottom; an import may only point down, rooms on one line do not see each other::

    api | cli | client            HTTP, commands, SDK for hospitals and patients
    wiring                        the only place adapters meet use cases; reads config
    ledger | vault | directory    adapters: the chain, SQL and objects and keys, identifiers and participants
    gateway | audit               use cases that change things, use cases that only look
    evidence                      bundles, proofs, verification: no network
    crypto                        bytes in, bytes out
    core                          the rules: pure, takes ``now``, no I/O
    config | errors
"""

__version__ = "0.1.0"
