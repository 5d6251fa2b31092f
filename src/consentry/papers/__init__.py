"""The human form of evidence: papers (PDF/A-3a) that a court or a patient can read, with the evidence inside.

For: printing an evidence bundle that verifies, or a report, in Chinese and English; signing the file; taking the bundle
  out of it again. Texts and templates stand beside the code; the fonts are installed from ``fonts/package-lock.json``.
May import: evidence, core, errors
Used by: cli, demo
"""
