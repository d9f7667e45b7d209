"""What Holdall runs on: the stack as code, its builds, and the same cloud on a laptop."""
