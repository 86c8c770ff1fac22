"""Policy files: what they say, what is refused, and that torchwood reads them as we do."""

from contextlib import suppress
from itertools import combinations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import IntegrityError, InvalidValueError, UnavailableError
from infrastructure.evidence.notes import COSIGNATURE, Body, Note, cosigned, signed, verifier_key
from infrastructure.evidence.policy import Group, Policy, parse_policy, read_policy
from tests.evidence.logs import KEY, ORIGIN, VERIFIER
from tests.foreign import tools

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(40, 46)]
NAMES = [f"witness.example/w{n}" for n in range(len(KEYS))]
VKEYS = [verifier_key(n, k, COSIGNATURE).text for n, k in zip(NAMES, KEYS, strict=True)]
BODY = Body(ORIGIN, 5, bytes(32))
LOG = f"log {VERIFIER.text}\n"
TWO = f"{LOG}witness A {VKEYS[0]}\nwitness B {VKEYS[1]} https://b.example/w\n"


def noted(witnesses: frozenset[int] | set[int], key: Ed25519PrivateKey = KEY) -> Note:
    """A checkpoint that these witnesses cosigned."""
    note = signed(BODY, [key])
    lines = [cosigned(note.text, NAMES[n], KEYS[n], 1_700_000_000) for n in sorted(witnesses)]
    return Note(note.text, (*note.lines, *lines))


def accepts(policy: Policy, note: Note) -> bool:
    try:
        return policy.check(note.raw) == BODY
    except IntegrityError as exc:
        if exc.code != "policy-not-met":
            raise
        return False


def test_a_policy_says_whose_signatures_are_wanted() -> None:
    text = (
        f"# Hai nhân chứng\n \t# thụt vào\n\n{LOG}"
        f"\twitness  X1 {VKEYS[0]}\t https://x.example:8443/a/b/ \n"
        f"witness Y {VKEYS[1]}\nwitness Ông {VKEYS[2]} http://127.0.0.1:80\n"
        "group X-and-Y all X1 Y\ngroup top 1 X-and-Y Ông\nquorum top\n"
    )
    policy = parse_policy(text.encode())
    assert policy.raw == text.encode()
    assert policy.logs == (VERIFIER,)
    assert list(policy.witnesses) == ["X1", "Y", "Ông"]
    assert [each.url for each in policy.witnesses.values()] == [
        "https://x.example:8443/a/b/",
        None,
        "http://127.0.0.1:80",
    ]
    assert policy.groups == {"X-and-Y": Group(2, ("X1", "Y")), "top": Group(1, ("X-and-Y", "Ông"))}
    assert policy.quorum == "top"
    subsets = [chosen for count in range(4) for chosen in combinations(range(3), count)]
    met = [chosen for chosen in subsets if accepts(policy, noted({*chosen}))]
    assert met == [(2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    assert parse_policy(b"quorum none\n").quorum is None


@pytest.mark.parametrize(
    "lines",
    [
        *("", LOG, "quorum\n", "quorum A\n", "quorum none none\n", "quorum none\nquorum none\n"),
        *(f"{LOG}{LOG}quorum none\n", "log\nquorum none\n", f"log {VKEYS[0]}\nquorum none\n"),
        f"log {VERIFIER.text} https://a.example more\nquorum none\n",
        *(f"{TWO}quorum C\n", f"{TWO}quorum a\n", f"quorum A\n{TWO}", f"{TWO}quorum A"),
        *(f"{TWO}quorum A B\n", f"{TWO}\rquorum A\n", f"{TWO}quorum A\r\n", f"{TWO}quorum A #\n"),
        *(f"{TWO}quorum\u00a0A\n", f"{TWO}quorum A\u3000\n", f"{TWO}quorum A\x0b\n"),
        f"{TWO}\x00\nquorum A\n",
        *(f"{TWO}Quorum A\n", f"{TWO}quorums A\n", f"{TWO}quorum A\nmore\n"),
        f"witness A {VERIFIER.text}\nquorum A\n",
        f"witness A {VKEYS[0]} https://a.example more\nquorum A\n",
        f"witness none {VKEYS[0]}\nquorum none\n",
        f"{TWO}witness A {VKEYS[2]}\nquorum A\n",
        f"{TWO}witness C {VKEYS[0]}\nquorum A\n",
        f"{TWO}witness C {verifier_key('other', KEYS[0], COSIGNATURE).text}\nquorum A\n",
        f"witness A {VKEYS[0][:-4]}AAA=\nquorum A\n",
        *(f"{TWO}group G {n} A B\nquorum G\n" for n in (0, 3, -1, "+1", "01", "٢", "1.0", "x", "")),
        *(f"{TWO}group G {n} A A\nquorum G\n" for n in (1, "any", "all")),
        *(f"{TWO}group G all\nquorum G\n", f"{TWO}group G all A G\nquorum G\n"),
        *(f"{TWO}group A any B\nquorum A\n", f"{TWO}group none any B\nquorum none\n"),
        *(f"{TWO}group G any A none\nquorum G\n", f"{TWO}group G any H\ngroup H any A\nquorum G\n"),
        f"{TWO}group G any A\ngroup H any A B\nquorum H\n",
        f"{TWO}group {'9' * 5000} {'9' * 5000} A\nquorum A\n",
        "#" * 70_000 + "\nquorum none\n",
    ],
)  # fmt: skip
def test_what_says_nothing_or_two_things_is_refused(lines: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_policy(lines.encode())
    assert refused.value.code == "policy-malformed"


def test_the_line_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_policy(f"{TWO}\n# and\ngroup G 3 A B\nquorum G\n".encode())
    assert refused.value.details == {"line": 6}
    for whole in (b"\xff\nquorum none\n", TWO.encode(), b"quorum none"):
        with pytest.raises(InvalidValueError) as refused:
            parse_policy(whole)
        assert refused.value.details == {"line": 0}


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UnavailableError, match="policy-unreadable"):
            read_policy(path)
    (tmp_path / "policy").write_bytes(f"{TWO}quorum A\n".encode())
    assert read_policy(tmp_path / "policy").quorum == "A"


def test_a_signature_that_does_not_hold_spoils_the_checkpoint() -> None:
    policy = parse_policy(f"{TWO}group G any A B\nquorum G\n".encode())
    good = noted({0, 1})
    assert accepts(policy, good)
    text = signed(Body(ORIGIN, 6, bytes(32)), [KEY])
    for moved in (
        Note(text.text, (*text.lines, *good.lines[1:])),  # Cosignatures of another checkpoint.
        Note(text.text, (good.lines[0], *text.lines)),
        Note(good.text, (*good.lines[:2], cosigned(text.text, NAMES[1], KEYS[1], 1))),
    ):
        with pytest.raises(IntegrityError, match="note-signature-broken"):
            policy.check(moved.raw)
    unknown = cosigned(text.text, NAMES[5], KEYS[5], 1)  # Nobody asked for it: passed over.
    assert accepts(policy, Note(good.text, (*good.lines, unknown)))


def test_a_log_that_the_policy_does_not_name_is_not_believed() -> None:
    policy = parse_policy(f"{TWO}quorum A\n".encode())
    for note in (
        noted({0}, KEYS[4]),
        Note(noted({0}).text, noted({0}).lines[1:]),
        signed(Body("archive.example/other", 5, bytes(32)), [KEY]),
    ):
        with pytest.raises(IntegrityError, match="note-not-signed"):
            policy.check(note.raw)
    with pytest.raises(IntegrityError, match="note-not-signed"):
        parse_policy(b"quorum none\n").check(noted(set()).raw)
    # A key under the name of one origin signs nothing for another.
    foreign = Note(Body("archive.example/other", 5, bytes(32)).text, noted(set()).lines)
    with pytest.raises(IntegrityError, match="note-not-signed"):
        policy.check(foreign.raw)


@st.composite
def policies(draw: st.DrawFn) -> tuple[str, dict[str, tuple[int, list[str]]], str]:
    """A policy text, its groups and its quorum, over the witnesses w0 to w5."""
    free = [f"w{n}" for n in range(len(KEYS))]
    lines = [LOG.strip(), *(f"witness w{n} {VKEYS[n]}" for n in range(len(KEYS)))]
    groups: dict[str, tuple[int, list[str]]] = {}
    for number in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, max_size=4, unique=True))
        least = draw(st.integers(1, len(members)))
        words = {1: "any", len(members): "all"}
        told = words.get(least, str(least)) if draw(st.booleans()) else str(least)
        lines.append(f"group g{number} {told} {' '.join(members)}")
        groups[f"g{number}"] = least, members
        free = [name for name in free if name not in members] + [f"g{number}"]
    quorum = draw(st.sampled_from([*(f"w{n}" for n in range(len(KEYS))), *groups, "none"]))
    blank = draw(st.sampled_from([" ", "  ", "\t", " \t "]))
    text = "".join(f"{line.replace(' ', blank)}\n" for line in (*lines, f"quorum {quorum}"))
    return text, groups, quorum


def is_met(name: str, groups: dict[str, tuple[int, list[str]]], signers: set[int]) -> bool:
    """The quorum as the specification defines it."""
    if name == "none" or name in groups:
        least, members = groups.get(name, (0, []))
        return sum(is_met(member, groups, signers) for member in members) >= least
    return int(name[1:]) in signers


@given(policies(), st.sets(st.integers(0, len(KEYS) - 1)))
@settings(max_examples=200, deadline=None)
def test_a_quorum_is_what_the_specification_says(
    made: tuple[str, dict[str, tuple[int, list[str]]], str], signers: set[int]
) -> None:
    text, groups, quorum = made
    assert accepts(parse_policy(text.encode()), noted(signers)) == is_met(quorum, groups, signers)


@pytest.mark.services
@given(policies(), st.sets(st.integers(0, len(KEYS) - 1)))
@settings(max_examples=40, deadline=None)
def test_torchwood_decides_as_we_do(
    made: tuple[str, dict[str, tuple[int, list[str]]], str], signers: set[int]
) -> None:
    note = noted(signers)
    ours = accepts(parse_policy(made[0].encode()), note)
    assert tools.torchwood_checkpoint(made[0], note.raw).accepted == ours


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_do_more_than_being_refused(raw: bytes) -> None:
    for content in (raw, TWO.encode() + raw, TWO.encode() + raw + b"\nquorum A\n"):
        with suppress(InvalidValueError):
            assert parse_policy(content).raw == content


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_file_that_lost_a_byte_names_the_same_keys_or_nothing(data: st.DataObject) -> None:
    whole = f"{TWO}group G all A B\nquorum G\n".encode()
    place = data.draw(st.integers(0, len(whole) - 1))
    try:
        policy = parse_policy(whole[:place] + whole[place + 1 :])
    except InvalidValueError:
        return
    assert policy.logs == (VERIFIER,)
    assert [each.key.text for each in policy.witnesses.values()] == VKEYS[:2]
