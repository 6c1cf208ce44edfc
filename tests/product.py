"""A whole private product for a test; the same that `make faults` disturbs."""

from bench.product import ROOT, Product, free_port, wait_for

__all__ = ["ROOT", "Product", "free_port", "wait_for"]
