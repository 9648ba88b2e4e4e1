"""Pretend Entra, Dataverse, IMS and Campaign servers on loopback, with faults on demand.

Nothing here is imported by the product and nothing of the product is imported here: both sides read the vendors'
pages on their own, so that one misunderstanding cannot hide in both.
"""
