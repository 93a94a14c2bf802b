"""A report as PDF. WeasyPrint is loaded here only: it needs libraries of the system that a server may lack."""

from __future__ import annotations

from dcmon.model import DcmonError


def write_pdf(html: str, manifest: str) -> bytes:
    """The document on A4 pages, with its manifest attached. DcmonError says what is not installed."""
    try:
        from weasyprint import HTML, Attachment
    except (ImportError, OSError) as error:
        raise DcmonError(
            f"a PDF cannot be written here ({str(error).splitlines()[0]}). Install Pango (Debian: apt install "
            "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0), or write FILE.html and print it from a browser"
        ) from None
    # Times of the file come from the document, so that the same report is the same file.
    attachment = Attachment(string=manifest, name="manifest.json", description="figures and digests of their inputs")
    pdf = HTML(string=html, base_url=None, url_fetcher=_refuse).write_pdf(attachments=[attachment], pdf_tags=True)
    return bytes(pdf)


def _refuse(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a report refers to nothing outside of itself, and not to {url}")
