"""Exports of decisions: tables, JSON, Label Studio tasks, and metadata in image files."""

from __future__ import annotations
