"""The SDK of a patient's app and a hospital's integration: builds, signs, sends, opens, verifies.

For: callers of the HTTP interface who trust no gateway: what is signed is built here, what comes back is checked here.
May import: evidence, crypto, core, errors
Used by: cli, demo; hospitals and apps outside
"""
