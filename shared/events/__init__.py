"""The contracts between deployments: every event class once, in the file of the service that announces it."""
