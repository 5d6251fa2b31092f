"""Who and what stands in the ledger, as tables that can be asked.

For: the projection of the chain (a cache, promise P7), and what ties a person's subjects together (no cache).
May import: database, gateway, audit, evidence, crypto, core, errors
Used by: wiring
"""
