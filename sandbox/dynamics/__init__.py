"""The pretend Dataverse Web API."""
