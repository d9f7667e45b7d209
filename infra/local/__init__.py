"""The local environment: its servers, the deployment of the stack, and the commands of the Makefile."""
