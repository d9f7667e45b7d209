"""Can a person do it? A Chromium looks at the pages of a deployed stack, through CloudFront."""
