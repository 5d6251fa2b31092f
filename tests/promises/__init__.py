"""Promises shown on a whole: one suite a promise that no single room keeps."""
