"""What can be checked with no network: evidence bundles, proofs of inclusion, and their verification.

For: proving one access to anybody who holds a trust-root file, and checking such a proof.
May import: crypto, core, errors
Used by: cli, demo, api, client, witness, ledger, papers, reports, gateway
"""
