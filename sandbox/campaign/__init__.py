"""The pretend Adobe Campaign Standard REST API."""
