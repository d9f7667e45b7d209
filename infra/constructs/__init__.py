"""The constructs of the stack, one module for each subject."""
