# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx configuration; scripts/docs says where the kernel's tools are."""

import os
import sys

from sphinx.util import logging

tools = os.environ.get("KERNEL_TOOLS")
if not tools:
    sys.exit("Documentation/conf.py: KERNEL_TOOLS is not set; build with: make docs")
sys.path.insert(0, os.path.join(tools, "Documentation", "sphinx"))

project = "spanalloc"
copyright = "the spanalloc authors"

extensions = ["kerneldoc", "automarkup"]
kerneldoc_bin = os.path.join(tools, "scripts", "kernel-doc")
kerneldoc_srctree = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

primary_domain = "c"
highlight_language = "none"

html_theme = "alabaster"
html_theme_options = {
    "description": "a page-span allocator for Linux kernel modules",
    "page_width": "1080px",
    "font_family": "sans-serif",
}
html_show_sphinx = False
html_copy_source = False


def is_no_clash(record):
    """In C a struct and a function may share a name; Sphinx knows one kind of name."""
    return not (
        record.getMessage().startswith("Duplicate C declaration")
        and "c:function:: void span_heap_stats " in record.getMessage()
    )


def setup(app):
    logging.getLogger("sphinx.domains.c").logger.addFilter(is_no_clash)
