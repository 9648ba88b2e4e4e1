"""Dynamics and Campaign over one HTTP seam; what may go wrong is drawn in `connectors.errors`."""
