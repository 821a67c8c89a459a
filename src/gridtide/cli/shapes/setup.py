"""Answers about the set-up: settings, checks, and what went wrong."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["ConfigShape", "DoctorCheckShape", "DoctorShape", "ErrorBody", "ErrorShape", "SettingShape"]


class SettingShape(TypedDict):
    """One setting with its origin; secrets are masked."""

    name: str
    value: Any
    unit: str
    origin: str
    help: str
    environment: str


class ConfigShape(TypedDict):
    """``gridtide config show`` and ``check``."""

    schema: str
    files: list[str]
    settings: list[SettingShape]
    warnings: list[str]


class DoctorCheckShape(TypedDict):
    """One thing that was looked at."""

    name: str
    status: str
    detail: str
    hint: str | None


class DoctorShape(TypedDict):
    """``gridtide doctor``."""

    schema: str
    version: str
    healthy: bool
    checks: list[DoctorCheckShape]
    warnings: list[str]


class ErrorBody(TypedDict):
    """What went wrong and what to do about it."""

    code: str
    message: str
    hint: str | None
    field: str | None
    retryable: bool
    retry_after_s: float | None
    exit_code: int
    facts: dict[str, str]


class ErrorShape(TypedDict):
    """Any command that fails."""

    schema: str
    error: ErrorBody
