"""Tests of the stack's template and of the local environment."""
