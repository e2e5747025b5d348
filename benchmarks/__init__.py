"""Measurements of a running sidecar, each beside a peer or a floor in the same run; see README.rst beside this file."""
