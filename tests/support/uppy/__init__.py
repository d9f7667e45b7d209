"""The upload client Uppy as npm has it, in two generations, in Node and in a page, and a network that fails."""
