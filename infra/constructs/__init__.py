"""The parts of the stack, a subject each."""
