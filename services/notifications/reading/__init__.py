"""What is read from the tables for the API and the pages: counts as of the end of a day, never a person."""
