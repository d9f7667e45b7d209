"""Tests of the pages in Chromium, on the deployed stack."""
