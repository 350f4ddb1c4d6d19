"""The key that signs the audit trail. It lives in a file, never in the database."""

from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from portal import env


def sign(digest: str) -> str:
    """Return the Ed25519 signature (RFC 8032) of ``digest`` in hex, 128 characters."""
    return _key(_path()).sign(digest.encode()).hex()


def is_signed(digest: str, signature: str) -> bool:
    """Return whether ``signature`` is ours under ``digest``."""
    try:
        _key(_path()).public_key().verify(bytes.fromhex(signature), digest.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def public_pem() -> bytes:
    """Return the public key, by which anybody can check what is signed."""
    public = _key(_path()).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _path() -> Path:
    return Path(settings.OVERREAD_DATA) / "keys" / "audit.pem"


@cache
def _key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        _make(path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path.name} is not an Ed25519 key")
    return key


def _make(path: Path) -> None:
    """Write a new key pair; of several processes at once the first one wins."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if not env.write_once(path, pem):
        return
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
