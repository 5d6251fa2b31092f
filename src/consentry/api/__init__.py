"""HTTP: what patients, hospitals and regulators call.

For: strict parsing, authentication, one policy a route, problems with stable codes; no rule of consent is decided here.
May import: witness, gateway, evidence, crypto, core, errors
Used by: cli
"""
