"""What intake decides, as pure functions: numbers, rows, families, closed lists, open cases."""
