"""The programme files that ship with this release. A change is a new version of the file."""
