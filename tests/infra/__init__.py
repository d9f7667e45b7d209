"""Does the stack say what we mean?"""
