"""What is made of the tree before it can be deployed: layers, the code of functions, the publisher's site."""
