"""The QR code on a paper."""

from __future__ import annotations

import io

import segno


def qr_code(text: str) -> str:
    """Draws a QR code as SVG, with the quiet zone of four modules around it (ISO/IEC 18004, 9.1) and error level M."""
    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(drawn, kind="svg", scale=4, border=4, xmldecl=False, light="#fff")
    return drawn.getvalue().decode()
