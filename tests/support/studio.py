"""Pictures of the console that are the same on each machine and at each time.

The font is of a pinned package, and comes with the style sheet of the site. Addresses are replaced by others of the same form,
and for a comparison times, sizes and IDs, too.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.support.e2e.client import request_url
from tests.support.source_tree import ROOT

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

_FONT = ROOT / "node_modules" / "@fontsource-variable" / "inter" / "files" / "inter-latin-wght-normal.woff2"
_FONT_PATH = "/_app/studio.woff2"
_STYLE = f"""
@font-face {{ font-family: Studio; src: url({_FONT_PATH}); font-weight: 100 900; font-display: block; }}
:root, code, pre {{ font-family: Studio !important; }}
* {{ caret-color: transparent !important; scrollbar-width: none; }}
"""
_MASK = r"""(isForComparison) => {
  const general = [[/[0-9a-f]{16}@example\.test/g, 'ada@example.com'], [/http:\/\/[\w.-]+:\d+/g, 'https://files.example.com']];
  const changing = [
    [/[A-Z][a-z]{2} \d{1,2}, \d{4}, \d{1,2}:\d{2}\s[AP]M/g, 'Jan 1, 2030, 9:00 AM'],
    [/[A-Z][a-z]{2} \d{1,2}, \d{4}/g, 'Jan 1, 2030'],
    [/[\d.,]+ (bytes?|[kMG]B)\b/g, '10 kB'],
    [/(under )?[\d.,]+ s\b/g, '1 s'],
    [/\b(?=[a-z]*\d)[0-9a-hjkmnp-tv-z]{12,40}\b/g, '0123456789ab'],
  ];
  const masks = isForComparison ? [...general, ...changing] : general;
  const replace = (text) => masks.reduce((text, [from, to]) => text.replace(from, to), text);
  for (const input of document.querySelectorAll('input[readonly]')) input.value = replace(input.value);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const text = replace(node.nodeValue);
    if (text !== node.nodeValue) node.nodeValue = text;
  }
}"""
_IS_LOADED = """() => document.fonts.status === 'loaded' && !document.querySelector('.skeleton')
  && [...document.images].every((image) => image.complete)
  && [...document.querySelectorAll('.thumbnail')].every((each) => each.querySelector("img:not([src^='data:'])"))"""
_SETTLING = 0.15  # seconds between two pictures that are equal


@contextmanager
def open_context(browser: Browser, scale: float = 1) -> Iterator[BrowserContext]:
    """Yield a context in which pages have the font of the studio, and nothing moves."""
    context = browser.new_context(
        locale="en-US", timezone_id="UTC", reduced_motion="reduce", device_scale_factor=scale, color_scheme="light"
    )
    context.set_default_timeout(30_000)
    context.route("**/assets/0.*.css", _add_style)
    context.route(f"**{_FONT_PATH}", lambda route: route.fulfill(path=_FONT, content_type="font/woff2"))
    yield context
    context.close()


def _add_style(route: Route) -> None:
    # Not by `route.fetch`, which does not know the names below `localhost`.
    style = request_url(route.request.url).content.decode()
    route.fulfill(content_type="text/css", body=style + _STYLE)


def take(
    page: Page, is_right: Callable[[bytes], bool] | None = None, *, is_for_comparison: bool = True, seconds: float = 10
) -> bytes:
    """Return a PNG of the page: the first that is right, else one that is like the one before it."""
    deadline = time.monotonic() + seconds
    before = b""
    page.mouse.move(0, 0)
    while True:
        page.wait_for_function(_IS_LOADED)
        page.evaluate(_MASK, is_for_comparison)
        picture = page.screenshot(animations="disabled", caret="hide")
        is_last = picture == before if is_right is None else is_right(picture)
        if is_last or time.monotonic() > deadline:
            return picture
        before = picture
        page.wait_for_timeout(_SETTLING * 1000)
