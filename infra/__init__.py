"""The CDK stack, the builds of its assets, and the local environment that runs the same stack."""
