"""Consent on both sides: the export workflow and its files, made-up changes, and who wrote what."""
