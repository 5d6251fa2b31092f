"""What people make of an audit: patterns no single decision shows, reports, lists of disclosures, exports.

For: regulators, privacy officers and patients who read the tables an audit wrote; it asks no node and opens no record.
May import: audit, evidence, core, errors
Used by: cli
"""
