import re

from exchanger.kernel.codes import ALPHABET, readable_code


def test_a_code_is_letters_that_nobody_confuses_in_groups_of_four():
    assert len(set(ALPHABET)) == len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)
    assert re.fullmatch(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}-[{ALPHABET}]{{2}}", readable_code(10))
    assert len({readable_code(16) for _ in range(1000)}) == 1000
