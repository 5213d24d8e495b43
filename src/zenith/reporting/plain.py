"""Labels as plain text: LaTeX between dollars becomes Unicode, `$t\\bar{t}$` tt̄."""

import re
import unicodedata

SYMBOLS = {
    "ell": "ℓ", "to": " → ", "rightarrow": " → ", "times": " × ", "pm": " ± ", "cdot": " · ",
    "leq": " ≤ ", "geq": " ≥ ", "approx": " ≈ ", "prime": "′", "sqrt": "√", "infty": "∞",
    "lambda": "λ", "Lambda": "Λ", "varepsilon": "ε", "varphi": "φ", "circ": "°",
}  # fmt: skip
ACCENTS = {
    "bar": "\u0304",
    "overline": "\u0304",
    "hat": "\u0302",
    "tilde": "\u0303",
    "vec": "\u20d7",
}
SPACES = {",", ";", ":", " ", "quad", "!"}
CHARACTERS = {"'": "′", "-": "−", "~": " ", " ": "", ",": ", ", "+": " + ", "=": " = "}
Token = tuple[str, str, str, str]  # a command, a script, a brace or a character
_TOKEN = re.compile(r"\\([A-Za-z]+|.)\s*|([_^])|([{}])|(.)", re.DOTALL)


def plain(label: str) -> str:
    """A label without LaTeX. What has no sign in Unicode keeps its name: `$p_T^{miss}$` is pT miss.

    A dollar without its counterpart is a dollar.
    """
    parts = label.split("$")
    if len(parts) % 2 == 0:
        return label
    return "".join(_of_latex(part) if i % 2 else part for i, part in enumerate(parts))


def _of_latex(text: str) -> str:
    tokens: list[Token] = _TOKEN.findall(text)
    result, _ = _read(tokens, 0)
    return re.sub(r" +", " ", result).strip()


def _read(tokens: list[Token], at: int) -> tuple[str, int]:
    """The text up to the brace that closes, or the end, and the place after it."""
    found = ""
    while at < len(tokens) and tokens[at][2] != "}":
        part, at = _one(tokens, at)
        found += part
    return found, at + 1


def _one(tokens: list[Token], at: int) -> tuple[str, int]:
    """What one token, with its argument, is in Unicode, and the place after it."""
    if at >= len(tokens):
        return "", at
    command, script, brace, character = tokens[at]
    if brace:
        return _read(tokens, at + 1)
    if script:
        argument, after = _one(tokens, at + 1)
        return _script(argument, "SUBSCRIPT" if script == "_" else "SUPERSCRIPT"), after
    if command in ACCENTS:
        argument, after = _one(tokens, at + 1)
        return "".join(letter + ACCENTS[command] for letter in argument), after
    if command in SPACES:
        return " ", at + 1
    if command:
        return _symbol(command), at + 1
    return CHARACTERS.get(character, character), at + 1


def _symbol(command: str) -> str:
    """A Greek letter or another sign; nothing for what only changes the type."""
    if command in SYMBOLS:
        return SYMBOLS[command]
    if command.startswith(("math", "text", "rm", "left", "right", "displaystyle", "operatorname")):
        return ""
    size = "CAPITAL" if command[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {command}")
    except KeyError:
        return command


def _script(text: str, place: str) -> str:
    """Raised or lowered digits and signs. Words are as they are, after a blank if raised."""

    def sign(character: str) -> str:
        name = unicodedata.name(character).removeprefix("DIGIT ").replace("MINUS SIGN", "MINUS")
        return unicodedata.lookup(f"{place} {name}")

    text = text.strip()
    try:
        return "".join(map(sign, text))
    except (KeyError, ValueError):  # there is no such sign, or it has no name
        return f" {text}" if text[0].isalpha() and place == "SUPERSCRIPT" else text
