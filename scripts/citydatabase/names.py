"""Names for cities that are nowhere, in the languages and scripts that real databases have."""
# ruff: noqa: RUF001 - Cyrillic letters that look like Latin ones are meant.

from __future__ import annotations

_SYLLABLES = (  # Latin, Cyrillic, Katakana, Chinese
    ("ba", "ба", "バ", "巴"),
    ("den", "ден", "デン", "登"),
    ("for", "фор", "フォー", "福"),
    ("gal", "гал", "ガル", "加"),
    ("hin", "хин", "ヒン", "欣"),
    ("jo", "джо", "ジョ", "乔"),
    ("kam", "кам", "カム", "卡"),
    ("lor", "лор", "ロー", "洛"),
    ("mar", "мар", "マー", "马"),
    ("nes", "нес", "ネス", "内"),
    ("or", "ор", "オー", "奥"),
    ("pen", "пен", "ペン", "彭"),
    ("ros", "рос", "ロス", "罗"),
    ("san", "сан", "サン", "桑"),
    ("tal", "тал", "タル", "塔"),
    ("ur", "ур", "ウル", "乌"),
    ("vel", "вел", "ベル", "韦"),
    ("win", "вин", "ウィン", "温"),
    ("yar", "яр", "ヤー", "亚"),
    ("zem", "зем", "ゼム", "泽"),
)


def place_names(number: int) -> dict[str, str]:
    """The names of place ``number`` by language, different for each number."""
    chosen = []
    while number >= 0:
        chosen.append(_SYLLABLES[number % len(_SYLLABLES)])
        number = number // len(_SYLLABLES) - 1
    latin, cyrillic, katakana, chinese = ("".join(script) for script in zip(*chosen, strict=True))
    latin = latin.capitalize()
    return {
        "de": latin,
        "en": latin,
        "es": latin,
        "fr": latin,
        "ja": katakana,
        "pt-BR": latin,
        "ru": cyrillic.capitalize(),
        "zh-CN": chinese,
    }
