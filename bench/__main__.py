"""`make bench`: every benchmark, each with a printed table. Needs no network, and ends by itself."""

from bench import images, requests


def main() -> None:
    """Requests first, then images."""
    requests.main()
    images.main()


if __name__ == "__main__":
    main()
