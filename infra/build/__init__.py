"""Builds of what the stack deploys (layers, packages of functions, the site), and of the API documentation."""
