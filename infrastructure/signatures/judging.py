"""Each signature inside a PDF judged against trust anchors, by pyHanko, offline, as of an instant.

(1) Does it fit its bytes, was nothing changed since (`verdicts`). (2) Which time is proved: from
the newest timestamp of the file back to the one over the signature, each judged as of the time
that the one after it proves (ETSI EN 319 102-1, 5.6.2, without its policies). (3) Does the
signer's certificate lead to an anchor, was it valid and not revoked, at that time or, without
proof, now: a claimed time saves no certificate.
Only what the file carries is asked. Nothing is fetched: the sandbox has no network, and
pyHanko is told so besides.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from asn1crypto import cms, x509  # type: ignore[import-untyped]
from pyhanko.sign.general import check_ess_certid, extract_certificate_info, extract_signer_info
from pyhanko.sign.validation.generic_cms import get_signing_cert_attr, validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    InsufficientRevinfoError,
    InvalidCertificateError,
    NotYetValidError,
    PathBuildingError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    FreshnessReqType,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)

from domain.papers import SignatureJudgement, SignatureVerdict
from domain.values import Tool
from infrastructure.signatures.evidence import Evidence, evidence_of, timestamps_on, token_info
from infrastructure.signatures.verdicts import WEAK, signatures_in, unreadable, verdict_on

TOOL = Tool("pyhanko", version("pyhanko"))
_FOR_SIGNING = frozenset({"digital_signature", "non_repudiation"})
_AGES = timedelta(days=36_500)
_SKEW = timedelta(minutes=5)
"""So much may the clocks of an authority and of this machine differ."""
# What is wrong with a file is said by its verdict; the log is for what is wrong with us.
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


def _revocation(rule: RevocationCheckingRule, freshness: timedelta | None) -> CertRevTrustPolicy:
    return CertRevTrustPolicy(
        RevocationCheckingPolicy(rule, rule),
        freshness=freshness,
        freshness_req_type=(
            FreshnessReqType.DEFAULT
            if freshness is None
            else FreshnessReqType.MAX_DIFF_REVOCATION_VALIDATION
        ),
        # Files are given their answers after they were signed; those speak of the time before.
        retroactive_revinfo=True,
    )


_IF_KNOWN = _revocation(RevocationCheckingRule.CHECK_IF_DECLARED_SOFT, _AGES)
"""An answer of any age that says `revoked` counts; a missing one does not."""
_REQUIRED = _revocation(RevocationCheckingRule.CRL_OR_OCSP_REQUIRED, None)
"""Every certificate below the anchor has an answer that was good at the time."""


@dataclass(frozen=True)
class _Bench:
    """What all signatures of a file are judged by."""

    roots: tuple[x509.Certificate, ...]
    """Where a chain may end."""
    between: tuple[x509.Certificate, ...]
    """Anchors that another anchor issued. pyHanko believes no list of revoked certificates whose
    issuer is such an end of a chain, so they are links of it."""
    at: datetime
    evidence: Evidence


def judge_signatures(
    path: Path, anchors: Sequence[bytes], at: datetime
) -> tuple[SignatureJudgement, ...]:
    """The judgement on each signature, in the order of `inspect_signatures`.

    `anchors` are DER; `at` is aware. An odd file gives `unreadable` or `unclear`, never an error.
    """
    believed = tuple(x509.Certificate.load(each) for each in anchors)
    with signatures_in(path) as found:
        if found is None:
            return (_early(unreadable(), "unreadable"),)
        verdicts = [verdict_on(one) for one in found]
        return tuple(
            _judged(found, verdicts, place, believed, at) for place in range(len(verdicts))
        )


def _early(said: SignatureVerdict, verdict: str, reason: str | None = None) -> SignatureJudgement:
    """A judgement for which no certificate was asked."""
    return SignatureJudgement(
        field=said.field,
        verdict=verdict,
        reason=reason,
        signed_at=said.signed_at,
        time="claimed" if said.signed_at else "none",
        revocation="not-asked",
        digest=said.digest,
        signer=said.signer,
    )


def _judged(
    found: Sequence[EmbeddedPdfSignature],
    verdicts: Sequence[SignatureVerdict],
    place: int,
    anchors: tuple[x509.Certificate, ...],
    at: datetime,
) -> SignatureJudgement:
    said, one = verdicts[place], found[place]
    # (1) Its bytes.
    if said.verdict != "intact":
        return _early(said, said.verdict)
    if said.weak:
        return _early(said, "weak-algorithm", "weak-digest")
    if not anchors:
        return _early(said, "no-anchors")
    try:
        if not _names_its_certificate(one):
            return _early(said, "broken")
        between = tuple(each for each in anchors if _issued_by_one(each, anchors))
        roots = tuple(each for each in anchors if each not in between)
        bench = _Bench(roots, between, at, evidence_of(one))
        # (2) Its time.
        later = [
            after
            for after, verdict in zip(found[place + 1 :], verdicts[place + 1 :], strict=True)
            if verdict.verdict == "intact" and token_info(after.signed_data) is not None
        ]
        proved = _proved_time(one, later, bench)
        # (3) Its certificate.
        return _by_certificate(one, said, proved, bench)
    except Exception:  # A stranger's file: anything may be raised.
        return _early(said, "unclear", "chain-unsound")


def _issued_by_one(anchor: x509.Certificate, anchors: Sequence[x509.Certificate]) -> bool:
    """By its name; whether that is true is for the judgement to find."""
    issues_itself = anchor.issuer == anchor.subject
    return not issues_itself and any(each.subject == anchor.issuer for each in anchors)


def _names_its_certificate(one: EmbeddedPdfSignature) -> bool:
    """False when the signed attributes name another certificate than the one that was used."""
    named = get_signing_cert_attr(one.signer_info["signed_attrs"])
    return named is None or check_ess_certid(one.signer_cert, named["certs"][0])


# ---------------------------------------------------------------- time


def _proved_time(
    one: EmbeddedPdfSignature, later: Sequence[EmbeddedPdfSignature], bench: _Bench
) -> datetime | None:
    """The earliest instant at which the signature is proved to have existed, None for no proof.

    A timestamp of the whole file counts like one over the signature. One that cannot be believed
    is passed over; those before it are then judged as of now.
    """
    believed: datetime | None = None
    for after in reversed(later):
        believed = _time_of(after.signed_data, believed or bench.at, bench) or believed
    for token in timestamps_on(one.signer_info):
        if _is_over(token, one.signer_info["signature"].native):
            believed = _time_of(token, believed or bench.at, bench) or believed
    return believed


def _is_over(token: cms.SignedData, value: bytes) -> bool:
    """True for a sound timestamp over these bytes."""
    info = token_info(token)
    if info is None:
        return False
    imprint = info["message_imprint"]
    algorithm = imprint["hash_algorithm"]["algorithm"].native
    if hashlib.new(algorithm, value).digest() != imprint["hashed_message"].native:
        return False
    signer_info = extract_signer_info(token)
    content = bytes(token["encap_content_info"]["content"])
    digest = hashlib.new(signer_info["digest_algorithm"]["algorithm"].native, content).digest()
    certificate = extract_certificate_info(token).signer_cert
    return all(validate_sig_integrity(signer_info, certificate, "tst_info", digest))


def _time_of(token: cms.SignedData, moment: datetime, bench: _Bench) -> datetime | None:
    """What a sound timestamp proves if its authority may be believed as of `moment`."""
    info = token_info(token)
    if info is None or info["message_imprint"]["hash_algorithm"]["algorithm"].native in WEAK:
        return None
    said: datetime = info["gen_time"].native
    if said > moment + _SKEW:
        return None
    held = extract_certificate_info(token)
    validator = _validator(held.signer_cert, moment, _IF_KNOWN, bench, held.other_certs)
    try:
        asyncio.run(validator.async_validate_path())
    except InsufficientRevinfoError:
        pass  # The newest timestamp of a file cannot carry an answer on itself.
    except (ValidationError, PathBuildingError):
        return None
    return said if _may_sign(held.signer_cert, is_timestamp=True) else None


# ---------------------------------------------------------------- certificates


def _by_certificate(
    one: EmbeddedPdfSignature, said: SignatureVerdict, proved: datetime | None, bench: _Bench
) -> SignatureJudgement:
    is_timestamp = token_info(one.signed_data) is not None
    moment = proved or bench.at
    verdict, reason, revocation = _chain(
        one.signer_cert, moment, bench, needs_answer=not is_timestamp
    )
    leads_to_anchor = verdict == "valid" or reason == "revocation-unknown"
    if leads_to_anchor and not _may_sign(one.signer_cert, is_timestamp=is_timestamp):
        verdict, reason = "unclear", "not-for-signing"
    if is_timestamp:
        time, signed_at = ("proved" if verdict == "valid" else "claimed"), said.signed_at
    elif proved is not None:
        time, signed_at = "proved", proved.isoformat(timespec="seconds")
    else:
        time, signed_at = ("claimed" if said.signed_at else "none"), said.signed_at
    return SignatureJudgement(
        said.field, verdict, reason, signed_at, time, revocation, said.digest, said.signer
    )


def _chain(
    certificate: x509.Certificate, moment: datetime, bench: _Bench, *, needs_answer: bool
) -> tuple[str, str | None, str]:
    """Verdict, reason and revocation of a certificate as of a moment.

    A timestamp needs no answer on revocation: the newest one of a file cannot carry its own.
    """
    try:
        asyncio.run(_validator(certificate, moment, _IF_KNOWN, bench).async_validate_path())
        asyncio.run(_validator(certificate, moment, _REQUIRED, bench).async_validate_path())
    except PathBuildingError:
        return "unknown-issuer", None, "not-asked"
    except RevokedError:
        return "revoked", None, "revoked"
    except ExpiredError:
        return "expired", None, "not-asked"
    except NotYetValidError:
        return "unclear", "not-yet-valid", "not-asked"
    except DisallowedAlgorithmError:
        return "weak-algorithm", "weak-certificate", "not-asked"
    except InsufficientRevinfoError:
        if needs_answer:
            return "unclear", "revocation-unknown", "unknown"
        return "valid", None, "unknown"
    except InvalidCertificateError:
        # So ends the path of one that vouches for itself.
        if certificate.self_signed != "no":
            return "unknown-issuer", None, "not-asked"
        return "unclear", "chain-unsound", "not-asked"
    except ValidationError:
        return "unclear", "chain-unsound", "not-asked"
    return "valid", None, "good"


def _validator(
    certificate: x509.Certificate,
    moment: datetime,
    revocation: CertRevTrustPolicy,
    bench: _Bench,
    besides: Sequence[x509.Certificate] = (),
) -> CertificateValidator:
    context = ValidationContext(
        trust_roots=bench.roots,
        other_certs=[*bench.between, *bench.evidence.certificates, *besides],
        moment=moment,
        allow_fetching=False,
        crls=bench.evidence.crls,
        ocsps=bench.evidence.ocsps,
        revinfo_policy=revocation,
    )
    return CertificateValidator(certificate, validation_context=context)


def _may_sign(certificate: x509.Certificate, *, is_timestamp: bool) -> bool:
    """False for a certificate that was issued for something else."""
    if is_timestamp:
        extended = certificate.extended_key_usage_value
        return extended is not None and "time_stamping" in extended.native
    usage = certificate.key_usage_value
    return usage is None or bool(_FOR_SIGNING & usage.native)
