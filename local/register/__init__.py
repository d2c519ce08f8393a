"""The register of the laptop stack: seeded files as a city would receive them, with the faults real files have."""
