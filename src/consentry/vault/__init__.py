"""The vault: ciphertext, wrapped keys, and the rows that find them again.

For: sealing records into an object store, handing ciphertext out, opening keys against a final receipt;
  and how a bucket of S3 is reached, whatever is kept there.
May import: database, gateway, audit, evidence, crypto, core, errors (gateway for its ports)
Used by: demo, wiring
"""
