"""Whole numbers on a command line; argparse alone is imported."""

from __future__ import annotations

import argparse


def whole(text: str, least: int = 0) -> int:
    """The number, from ``least`` on; what is wrong with the text is said to whoever gave the command."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{value} is below {least}, the least that makes sense")
    return value


def positive(text: str) -> int:
    """The same from 1 on."""
    return whole(text, least=1)
