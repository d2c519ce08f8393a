"""The decisions of verification as pure functions: values in, decision and reasons out."""
