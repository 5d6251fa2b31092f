"""The chain, as the rest of Consentry sees it.

For: everything that speaks to an EVM node: bindings, receipts, the sequencer, engine profiles, the embedded chain.
May import: gateway, audit, evidence, crypto, core, errors
Used by: cli, demo, wiring, witness
"""
