"""The specification's Python, configuration and command-line parts, sentence by sentence, on every host.

The docstring of a test says the sentence that it proves. What is about HTTP goes through nginx, as a browser does.
"""
