"""Paths to nested fields (`org.apache.kafka.connect.transforms.field.SingleFieldPath`, KIP-821)."""

from __future__ import annotations

from faust_cdc.transforms.record import TransformError


def field_path(text: str, version: str) -> tuple[str, ...]:
    """Return the steps of a path: with `V1` the whole text is one. Raises TransformError for a backtick left open."""
    if version.upper() != "V2":
        return (text,)
    steps: list[str] = []
    at = 0
    while at < len(text):
        if text[at] != "`":
            end = text.find(".", at)
            if end < 0:
                steps.append(text[at:])
                break
            steps.append(text[at:end])
            at = end + 1
        else:
            step, at = _quoted(text, at)
            steps.append(step)
    if text.endswith("."):
        steps.append("")
    return tuple(steps)


def _quoted(text: str, opening: int) -> tuple[str, int]:
    """Return the step between backticks, and where the next one begins."""
    start = at = opening + 1
    step = ""
    while True:
        at = text.find("`", at)
        escaped = at > 0 and text[at - 1] == "\\"
        if at < 0 or (at >= len(text) - 1 and escaped):
            raise TransformError(
                f"Incomplete backtick pair in path: [{text}], consider adding a backslash before backtick at position "
                f"{opening} to escape it"
            )
        if at >= len(text) - 1:
            return step + text[start:at], at + 1
        if text[at + 1] != ".":
            at += 1
            continue
        if not escaped:
            return step + text[start:at], at + 2
        step += text[start : at - 1] + "`"
        at += 1
        start = at
