"""Pure decisions: values in, decision and reasons out. An auditor can read these files without knowing the rest."""
