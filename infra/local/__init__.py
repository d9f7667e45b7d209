"""The same stack on a laptop: its servers, their records, and the commands of the Makefile."""
