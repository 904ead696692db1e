"""Rules for workloads on Kubernetes, and for Argo CD's applications."""
