"""Who a player is: verifies the signed token (JWT, RFC 7519) that a join may carry, and gives the user's id.

Whoever runs accounts signs a token with `sub` (the user's id) and `exp` (when it ends), and the page hands it to the
SDK. The server knows either a shared secret (HS256) or public keys: one in PEM, whose kind decides the algorithm
(RS256, ES256, EdDSA), or several in a JSON Web Key Set (RFC 7517), so that a key can be changed while tokens of the old
one are still good. The algorithm is the key's and never what a token says.

Knows PyJWT and the wall clock, by which tokens expire; knows nothing of games or seats.
"""

from pathlib import Path

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ..errors import CloseCode, ProtocolError
from ..settings import BadSettings, Settings

#: RFC 7518 section 3.2: a key of at least the hash's size
SECRET_BYTES_MIN = 32
USER_ID_LEN_MAX = 128
ALGORITHMS = frozenset(("HS256", "RS256", "ES256", "EdDSA"))


class BadSubject(jwt.InvalidTokenError):
    """The token's `sub` is no user id."""


@attrs.frozen
class _Key:
    key: jwt.PyJWK
    algorithm: str
    #: its `kid`, None where it has none
    number: str | None


class Identity:
    """Verifies tokens with the keys of the settings, of which there is at least one."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.identity_issuer or None
        self._audience = settings.identity_audience or None
        self._leeway_s = settings.identity_leeway_s
        self._keys = [*_secret_keys(str(settings.identity_secret)), *_file_keys(settings.identity_key_file)]

    def verify(self, token: str) -> str:
        """Return the user's id; raise ProtocolError with what is wrong with the token."""
        try:
            number = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            raise _bad("not a signed token (JWT)") from None
        # A key that names itself verifies what names it, or names none; a token without a name is tried with all.
        fitting = [key for key in self._keys if number is None or key.number in (None, number)]
        if not fitting:
            raise _bad("signed with a key that this server does not know")
        for key in fitting[:-1]:
            try:
                return self._decode(token, key)
            except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
                continue
            except jwt.InvalidTokenError as error:
                raise _bad(_complaint(error)) from None
        try:
            return self._decode(token, fitting[-1])
        except jwt.InvalidTokenError as error:
            raise _bad(_complaint(error)) from None

    def _decode(self, token: str, key: _Key) -> str:
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=self._audience,
            issuer=self._issuer,
            leeway=self._leeway_s,
            options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
        )
        user_id = claims["sub"]
        if not isinstance(user_id, str) or not 1 <= len(user_id) <= USER_ID_LEN_MAX or not user_id.isprintable():
            raise BadSubject
        return user_id


def _bad(reason: str) -> ProtocolError:
    return ProtocolError(CloseCode.BAD_IDENTITY, reason)


def _complaint(error: jwt.InvalidTokenError) -> str:
    """Return in words what a token lacks; never the token."""
    if isinstance(error, jwt.ExpiredSignatureError):
        return "the token has expired; get a new one and join again"
    if isinstance(error, jwt.ImmatureSignatureError):
        return "the token is not valid yet"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token has no {error.claim}; it needs sub and exp"
    if isinstance(error, jwt.InvalidAudienceError):
        return "the token is for another audience"
    if isinstance(error, jwt.InvalidIssuerError):
        return "the token is of another issuer"
    if isinstance(error, BadSubject):
        return f"the token's sub must be text of 1 to {USER_ID_LEN_MAX} printable characters"
    if isinstance(error, jwt.InvalidSignatureError | jwt.InvalidAlgorithmError):
        return "the token's signature does not fit"
    return "not a token that this server can read"


def _secret_keys(secret: str) -> list[_Key]:
    if not secret:
        return []
    if len(secret.encode()) < SECRET_BYTES_MIN:
        raise BadSettings(f"identity_secret must have at least {SECRET_BYTES_MIN} bytes, as HS256 asks for")
    key = {"kty": "oct", "k": jwt.utils.base64url_encode(secret.encode()).decode()}
    return [_Key(jwt.PyJWK.from_dict(key, "HS256"), "HS256", None)]


def _file_keys(path: str) -> list[_Key]:
    if not path:
        return []
    try:
        text = Path(path).read_text(encoding="ascii")
        return _set_keys(text) if text.lstrip().startswith("{") else [_pem_key(text)]
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise BadSettings(f"identity_key_file: {path}: {error}") from None


def _set_keys(text: str) -> list[_Key]:
    keys = [_Key(key, str(key.algorithm_name), key.key_id) for key in jwt.PyJWKSet.from_json(text).keys]
    for key in keys:
        if key.algorithm not in ALGORITHMS:
            known = ", ".join(sorted(ALGORITHMS))
            raise ValueError(f"{key.algorithm} is not supported; there are {known}")
    return keys


def _pem_key(text: str) -> _Key:
    key = load_pem_public_key(text.encode())
    if isinstance(key, RSAPublicKey):
        algorithm = "RS256"
    elif isinstance(key, Ed25519PublicKey):
        algorithm = "EdDSA"
    elif isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        algorithm = "ES256"
    else:
        raise ValueError("a public key must be RSA, Ed25519 or P-256")
    described = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
    return _Key(jwt.PyJWK.from_dict(described, algorithm), algorithm, None)
