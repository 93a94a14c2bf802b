"""The report for the auditor and the data-protection officer: gathered from the journal, written, and verified."""
