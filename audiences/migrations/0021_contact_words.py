from django.db import migrations

ACCENTED = "ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝýÿŠšŽž"
PLAIN = "aaaaaaaaaaaacceeeeeeeeiiiiiiiinnoooooooooooouuuuuuuuyyysszz"
# ASCII, then the rest, as in audiences/search_words.py; the apostrophes come last: they vanish.
GAPS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n\r'
FURTHER_GAPS = "\u00a0\u2013\u2014"


def _plain(text: str) -> str:
    """Most names are ASCII, for which a tenth of the comparisons does."""
    gaps = GAPS.replace("\\", "\\\\")
    ascii_only = f"translate({text}, E'{gaps}\\'', '{' ' * len(GAPS)}')"
    rest = f"translate({ascii_only}, '{ACCENTED}{FURTHER_GAPS}\u2019', '{PLAIN}{' ' * len(FURTHER_GAPS)}')"
    chosen = f"CASE WHEN octet_length({text}) = length({text}) THEN {ascii_only} ELSE {rest} END"
    return f'lower({chosen} COLLATE "C")'


def _words(kind: str, text: str) -> str:
    mark = f"'{kind}' || account::text || '/'"
    return f"{mark} || replace({_plain(text)}, ' ', ' ' || {mark})"


PLACE = "(street || ' ' || city || ' ' || zip)"
# One expression without a subquery, so that PostgreSQL puts it in place of the call.
CREATE = f"""
CREATE FUNCTION contact_words(account bigint, name text, street text, city text, zip text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_to_tsvector(string_to_array({_words("n", "name")} || ' ' || {_words("a", PLACE)}, ' '))
$$
"""


class Migration(migrations.Migration):
    """The words of a contact: n<account>/<word> of the name, a<account>/<word> of the service address."""

    dependencies = [("audiences", "0020_source_freshness")]
    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION contact_words(bigint, text, text, text, text)")]
