"""The building blocks of the compute on EKS: the cluster, and what Argo CD and GitHub Actions keep running on it."""

WORKER_NAMESPACE = "portage"
"""Namespace of the worker on a cluster."""
