"""What the suites share: the stack's fixtures, clients, programs. A suite imports from here and from no other suite."""
