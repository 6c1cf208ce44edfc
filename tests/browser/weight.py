"""What a page weighs: everything its first visit loads, whether or not this browser had it already.

Sizes are those of gzip, as the server sends what it compresses ahead; fonts and pictures as they are.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Page

FIRST_LOAD = 150 * 1024
SCRIPTS = 60 * 1024
REQUESTS = 12
TEXTS = ("text/", "javascript", "json", "svg")
# What is shown once the page is there is no part of its first load: answers to scripts, and frames that wait
# for the rest, such as pictures of emails.
_LOADED = """
() => {
  const later = [...document.querySelectorAll("iframe[loading=lazy]")].map(({src}) => src);
  return performance.getEntriesByType("resource")
    .filter(({initiatorType}) => !["fetch", "xmlhttprequest"].includes(initiatorType))
    .filter(({name}) => !later.includes(name))
    .map(({name}) => name.split("#")[0]);
}
"""


@dataclass
class Load:
    """Everything that one visit brings, by address: bytes."""

    sizes: dict[str, int]

    @property
    def scripts(self) -> int:
        """Bytes of scripts."""
        return sum(size for url, size in self.sizes.items() if urlsplit(url).path.endswith(".js"))

    def complaints(self, origin: str) -> list[str]:
        """What is too much, and what is from elsewhere."""
        total = sum(self.sizes.values())
        told = ", ".join(
            f"{urlsplit(url).path} {size:,}"
            for url, size in sorted(self.sizes.items(), key=lambda pair: -pair[1])
        )
        wrong = [f"not ours: {url}" for url in self.sizes if not url.startswith(origin + "/")]
        if total > FIRST_LOAD:
            wrong.append(f"the first load is {total:,} bytes: {told}")
        if self.scripts > SCRIPTS:
            wrong.append(f"the scripts are {self.scripts:,} bytes: {told}")
        if len(self.sizes) > REQUESTS:
            wrong.append(f"the first load takes {len(self.sizes)} requests: {told}")
        return wrong


def of(page: Page, document: bytes) -> Load:
    """Weigh the page that is shown, which came as this document."""
    return Load(
        {page.url: len(gzip.compress(document, 9))} | {url: _size(url) for url in page.evaluate(_LOADED)}
    )


@cache
def _size(url: str) -> int:
    answer = httpx.get(url, trust_env=False)
    is_text = any(text in answer.headers.get("content-type", "") for text in TEXTS)
    return len(gzip.compress(answer.content, 9)) if is_text else len(answer.content)
