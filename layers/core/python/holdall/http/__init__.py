"""HTTP. No other package of `holdall` knows requests, responses or statuses."""
