"""Consentry: a permissioned ledger for record-access consent.

The rooms, top to bottom; an import may only point down, rooms on one line do not see each other::

    cli                           commands
    demo                          the story, its parties and its data
    api | client                  HTTP, SDK for hospitals and patients
    wiring                        the only place adapters meet use cases
    witness                       the ledger log kept from an own node, and vouched for
    ledger | vault | directory | papers | reports
                                  adapters: the chain, objects and keys, the projection, evidence as PDF, what the
                                  tables of an audit say
    gateway | audit               use cases that change things, use cases that only look
    evidence                      bundles, proofs, verification: no network
    crypto                        bytes in, bytes out
    core | database | config      the rules: pure, takes ``now``, no I/O; engines and migrations; settings
    errors                        the one hierarchy
"""

import os

# eth_hash takes the first backend it finds, which is some six times slower than the one this package demands.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

__version__ = "0.1.0"
