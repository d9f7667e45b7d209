"""Does the deployed system do it? Everything here goes over HTTP to a stack that the CDK deployed, IAM enforced."""
