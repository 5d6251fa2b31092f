"""Who and what stands in the ledger, as tables that can be asked.

For: the projection of the chain (a cache, promise P7); later the identifiers that tie a person's subjects together.
May import: database, gateway, audit, evidence, crypto, core, errors
Used by: wiring
"""
